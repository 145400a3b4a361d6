/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of replica-rewrite: what they say, and what becomes of URLs. */
#include "tests/unit/unit.h"
#include "libreplica/format/rewrite_rules.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool give_text(struct text *content, void *baton, const char *file,
                      apr_pool_t *pool, struct error *error)
{
    (void)file, (void)pool, (void)error;
    *content = text_of(baton);
    return true;
}

static bool try_rules(struct rewrite_rules **rules, apr_pool_t *pool, const char *text,
                      struct error *error)
{
    struct rule_source source = {give_text, (void *)text};

    return rewrite_rules_parse(rules, "rules", &source, pool, error);
}

static struct rewrite_rules *parse(apr_pool_t *pool, const char *text)
{
    struct rewrite_rules *rules;
    struct error error;

    assert_ok(try_rules(&rules, pool, text, &error), &error);
    return rules;
}

/* "URL", "301 URL" or "", and the numbers of the lines that applied. */
static const char *become(apr_pool_t *pool, const struct rewrite_rules *rules,
                          const char *url)
{
    char *buffer = apr_palloc(pool, 5 * strlen(url) + REWRITE_GROWTH_MAX);
    struct rewrite_outcome outcome;
    const char *result;

    if (!rewrite_rules_apply(&outcome, rules, text_of(url), buffer))
        return outcome.oddity != NULL ? "odd" : "";
    result = apr_psprintf(pool, "%.*s", (int)outcome.url.length, outcome.url.bytes);
    if (outcome.status != 0)
        result = apr_psprintf(pool, "%d %s", outcome.status, result);
    for (int i = 0; i < outcome.line_count; i++)
        result = apr_psprintf(pool, "%s %d", result, outcome.lines[i]->number);
    return result;
}

static const char rules_text[] =
    "# of the tests\n"
    "rewrite path /opt/ /cvmfs\n"                               /* 2 */
    "rewrite path /stratum1 /\n"                                /* 3 */
    "redirect 301 path /old/web /cvmfs/x.example.org/data\n"    /* 4 */
    "rewrite path /old /older\n"                                /* 5 */
    "rewrite path /a%20b /ab\n"                                 /* 6 */
    "rewrite repository sw.example.org sw.example.net\n"        /* 7 */
    "rewrite repository *.test.example.org test.example.net\n"  /* 8 */
    "redirect 308 repository moved?.org moved.example.net\n"    /* 9 */
    "rewrite repository a.test.example.org other.example.net\n" /* 10 */
    "rewrite host kept.example.org kept.example.org\n"          /* 11 */
    "rewrite host Retired.example.org:8000 new.example.org\n"   /* 12 */
    "redirect host retired.example.org new.example.org:8000\n"  /* 13 */
    "redirect 307 host *.example.org www.example.com\n"         /* 14 */
    "rewrite host [2001:db8::1] [2001:db8::2]:8000\n";          /* 15 */

struct row {
    const char *url, *expected;
};

static const struct row rows[] = {
    {"http://h/opt/sw/.cvmfspublished", "http://h/cvmfs/sw/.cvmfspublished 2"},
    {"http://h/opt", "http://h/cvmfs 2"},
    {"http://h/option", ""},
    {"http://h/", ""},
    {"http://h/stratum1", "http://h/ 3"},
    {"http://h/stratum1/?x=/../%00", "http://h/?x=/../%00 3"},
    {"http://h/stratum1/cvmfs/sw.example.org/.x", "http://h/cvmfs/sw.example.net/.x 3 7"},
    /* The first in the file, not the longest. */
    {"http://h/old/web/ab", "301 http://h/cvmfs/x.example.org/data/ab 4"},
    {"http://h/old/we%62/%41b", "301 http://h/cvmfs/x.example.org/data/%41b 4"},
    {"http://h/old/webs", "http://h/older/webs 5"},
    {"http://h/a%20b/c%20d", "http://h/ab/c%20d 6"},
    {"http://h/cvmfs/sw.example.org/data/ab/%63d?q=%2F",
     "http://h/cvmfs/sw.example.net/data/ab/%63d?q=%2F 7"},
    {"http://h/cvmfs/%73w.example.org/x", "http://h/cvmfs/sw.example.net/x 7"},
    {"http://h/cvmfs/sw.example.org", "http://h/cvmfs/sw.example.net 7"},
    {"http://h/cvmfs/a.test.example.org/x", "http://h/cvmfs/test.example.net/x 8"},
    {"http://h/cvmfs/moved1.org/x", "308 http://h/cvmfs/moved.example.net/x 9"},
    {"http://h/cvmfs/moved12.org/x", ""},
    {"http://h/cvmfs/info/v1/meta.json", ""},
    {"http://h/CVMFS/sw.example.org/x", ""},
    {"http://kept.example.org/x", ""},
    {"http://kept.example.org:8000/x", "http://kept.example.org/x 11"},
    {"http://RETIRED.example.org:8000/x", "http://new.example.org/x 12"},
    {"http://retired.example.org/x", "302 http://new.example.org:8000/x 13"},
    {"http://retired.example.org:80/x", "302 http://new.example.org:8000/x 13"},
    {"https://retired.example.org/x", "302 https://new.example.org:8000/x 13"},
    {"http://a.b.example.org:1/x", "307 http://www.example.com/x 14"},
    {"http://[2001:DB8::1]:80/x", "http://[2001:db8::2]:8000/x 15"},
    /* All three, and the redirect among them. */
    {"http://retired.example.org/stratum1/cvmfs/sw.example.org/x?y",
     "302 http://new.example.org:8000/cvmfs/sw.example.net/x?y 3 7 13"},
    {"http://retired.example.org:8000/stratum1/cvmfs/moved1.org/x",
     "308 http://new.example.org/cvmfs/moved.example.net/x 3 9 12"},
    /* Odd ones are left alone. */
    {"", "odd"},
    {"/opt/x", "odd"},
    {"retired.example.org:443", "odd"},
    {"ftp://retired.example.org/x", "odd"},
    {"http://retired.example.org", "odd"},
    {"http://retired.example.org?x", "odd"},
    {"http:///opt", "odd"},
    {"http://:80/opt", "odd"},
    {"http://h:/opt", "odd"},
    {"http://h:0/opt", "odd"},
    {"http://h:65536/opt", "odd"},
    {"http://h:80:80/opt", "odd"},
    {"http://[::1/opt", "odd"},
    {"http://[::1]x/opt", "odd"},
    {"http://u@h/opt", "odd"},
    {"http://h/opt/../x", "odd"},
    {"http://h/opt/.", "odd"},
    {"http://h/opt/..", "odd"},
    {"http://h/./opt", "odd"},
    {"http://h//opt", "odd"},
    {"http://h/opt//x", "odd"},
    {"http://h/opt/%2E%2e/x", "odd"},
    {"http://h/opt/a%2ex", "odd"},
    {"http://h/opt%2fx", "odd"},
    {"http://h/opt/%00", "odd"},
    {"http://h/opt/%5c", "odd"},
    {"http://h/opt/\\x", "odd"},
    {"http://h/opt/x#/../y", "odd"},
    {"http://h#/opt", "odd"},
    {"http://h/opt/%", "odd"},
    {"http://h/opt/%4", "odd"},
    {"http://h/opt/%4g", "odd"},
    {"http://h/opt/\001", "odd"},
    {"http://h/opt/?\177", "odd"},
    {"http://h/opt/...", "http://h/cvmfs/... 2"},
    {"http://h/opt/\xc3\xa4\"x", "http://h/cvmfs/\xc3\xa4\"x 2"},
};

static void urls_become_what_the_table_says(void **state)
{
    struct rewrite_rules *rules = parse(unit_pool(state), rules_text);

    assert_int_equal(rewrite_rules_count(rules), 14);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *got = become(unit_pool(state), rules, rows[i].url);

        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("%s: %s, not %s", rows[i].url, got, rows[i].expected);
    }
}

static void without_lines_nothing_changes(void **state)
{
    struct rewrite_rules *rules = parse(unit_pool(state), "# none\n");

    assert_string_equal(become(unit_pool(state), rules, "http://h/cvmfs/x/y"), "");
}

static void a_root_may_be_moved(void **state)
{
    struct rewrite_rules *rules = parse(unit_pool(state), "rewrite path / /cvmfs/\n");

    assert_string_equal(become(unit_pool(state), rules, "http://h/x/y"),
                        "http://h/cvmfs/x/y 1");
    assert_string_equal(become(unit_pool(state), rules, "http://h/"),
                        "http://h/cvmfs/ 1");
}

static void names_the_line_that_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"map host a b\n", "rules:1: a line begins with rewrite, redirect or include"},
        {"\n\"rewrite\" host a b\n", "rules:2: a line begins with"},
        {"rewrite\n", "it takes host, repository or path"},
        {"rewrite 301 host a b\n", "'301' is no host, repository or path"},
        {"redirect 304 host a b\n", "'304' is no status"},
        {"rewrite host a\n", "it takes host"},
        {"rewrite host a b c\n", "it takes host"},
        {"rewrite kind a b\n", "'kind' is no host"},
        {"rewrite host a/b c\n", "'a/b' is no host, pattern"},
        {"rewrite host \"\" c\n", "'' is no host, pattern"},
        {"rewrite host a:0 c\n", "'a:0' is no host, pattern"},
        {"rewrite host a:b c\n", "'a:b' is no host, pattern"},
        {"rewrite host [::g] c\n", "'[::g]' is no host"},
        {"rewrite host [1.2.3.4] c\n", "'[1.2.3.4]' is no host"},
        {"rewrite host a *.b\n", "'*.b' is no host or host:port"},
        {"rewrite host a http://b\n", "'http://b' is no host or host:port"},
        {"rewrite host a b:65536\n", "'b:65536' is no host"},
        {"rewrite host a []\n", "'[]' is no host"},
        {"rewrite host a u@b\n", "'u@b' is no host"},
        {"rewrite repository a/b c\n", "'a/b' is no name of a repository or pattern"},
        {"rewrite repository a *\n", "'*' is no name of a repository"},
        {"rewrite repository a .b\n", "'.b' is no name of a repository"},
        {"rewrite path a /b\n", "'a' is no path"},
        {"rewrite path /a b\n", "'b' is no path"},
        {"rewrite path /a http://h/b\n", "is no path"},
        {"rewrite path /a* /b\n", "there are no patterns"},
        {"rewrite path /a /b?c\n", "there are no patterns and queries"},
        {"rewrite path /a \"/b c\"\n", "there are no patterns"},
        {"rewrite path /a/../b /b\n", "has a component that is only dots"},
        {"rewrite path /a /b//c\n", "has two slashes side by side"},
        {"rewrite path /a /b%2fc\n", "has an encoded slash"},
        {"rewrite path /a /b%zz\n", "has a percent sign that encodes nothing"},
        {"redirect path /a /a/b\n", "without end"},
        {"redirect path / /a\n", "without end"},
    };
    struct rewrite_rules *rules;
    struct error error;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (try_rules(&rules, unit_pool(state), cases[i][0], &error) ||
            strstr(error.message, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], error.message);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

/* Names from few parts, so that many patterns meet many of them. */
static const char *random_name(apr_pool_t *pool, bool is_pattern)
{
    static const char *const parts[] = {"a",   "bc", "data", ".cern",
                                        ".ch", "-9", "*",    "?"};
    const char *name = "x";

    for (int i = rand() % 5; i >= 0; i--)
        name = apr_pstrcat(pool, name, parts[rand() % (is_pattern ? 8 : 6)], NULL);
    return name;
}

/* The URL that a line leads to says which line it is. */
static const char *random_line(apr_pool_t *pool, int number)
{
    switch (rand() % 3) {
    case 0:
        return apr_psprintf(pool, "rewrite host %s%s new%d\n", random_name(pool, true),
                            rand() % 2 ? ":80" : "", number);
    case 1:
        return apr_psprintf(pool, "rewrite repository %s new%d\n",
                            random_name(pool, true), number);
    default:
        return apr_psprintf(pool, "rewrite path /cvmfs/%s%s%s /cvmfs/new%d\n",
                            random_name(pool, false), rand() % 2 ? "/" : "",
                            rand() % 2 ? random_name(pool, false) : "", number);
    }
}

/* The first line of PART that applies to the URL all alone. */
static const char *apply_slowly(apr_pool_t *pool, const char *const *lines, int count,
                                const char *part, const char *url)
{
    for (int i = 0; i < count; i++) {
        const char *became;

        if (strncmp(lines[i] + strlen("rewrite "), part, strlen(part)) != 0)
            continue;
        became = become(pool, parse(pool, lines[i]), url);
        if (*became != '\0')
            return apr_pstrndup(pool, became, strlen(became) - strlen(" 1"));
    }
    return url;
}

static void applies_lines_as_if_it_went_through_them(void **state)
{
    int met = 0;

    srand(20261120);
    for (int set = 0; set < 200; set++) {
        const char *lines[40], *all = "";
        struct rewrite_rules *rules;
        apr_pool_t *pool;

        assert_int_equal(apr_pool_create(&pool, unit_pool(state)), APR_SUCCESS);
        for (int i = 0; i < 40; i++)
            all = apr_pstrcat(pool, all, lines[i] = random_line(pool, i), NULL);
        rules = parse(pool, all);
        for (int i = 0; i < 20; i++) {
            const char *url =
                apr_psprintf(pool, "http://%s%s/cvmfs/%s/%s?%s", random_name(pool, false),
                             rand() % 2 ? ":80" : ":8000", random_name(pool, false),
                             random_name(pool, false), random_name(pool, true));
            const char *got = become(pool, rules, url), *expected = url;

            expected = apply_slowly(pool, lines, 40, "path", expected);
            expected = apply_slowly(pool, lines, 40, "repository", expected);
            expected = apply_slowly(pool, lines, 40, "host", expected);
            met += *got != '\0';
            assert_string_equal(*got != '\0' ? strtok(apr_pstrdup(pool, got), " ") : url,
                                expected);
        }
        apr_pool_destroy(pool);
    }
    assert_in_range(met, 1000, 3900);
}

static const struct CMUnitTest rewrite_rules_tests[] = {
    UNIT_TEST(urls_become_what_the_table_says),
    UNIT_TEST(without_lines_nothing_changes),
    UNIT_TEST(a_root_may_be_moved),
    UNIT_TEST(names_the_line_that_is_wrong),
    UNIT_TEST(applies_lines_as_if_it_went_through_them),
};
UNIT_MAIN(rewrite_rules_tests)
