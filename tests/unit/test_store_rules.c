/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what a cache keeps once: which line holds, the keys, what is refused. */
#include "tests/unit/unit.h"
#include "libreplica/format/store_rules.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define OBJECT       "/data/ab/00000000000000000000000000000000000001"

static bool give_text(struct text *content, void *baton, const char *file,
                      apr_pool_t *pool, struct error *error)
{
    (void)file, (void)pool, (void)error;
    *content = text_of(baton);
    return true;
}

static bool try_rules(struct store_rules **rules, void **state, const char *text,
                      struct error *error)
{
    struct rule_source source = {give_text, (void *)text};

    return store_rules_parse(rules, "rules", &source, unit_pool(state), error);
}

static struct store_rules *parse(void **state, const char *text)
{
    struct store_rules *rules;
    struct error error;

    assert_ok(try_rules(&rules, state, text, &error), &error);
    return rules;
}

static struct store_request request_of(const char *url)
{
    static char buffer[1000];
    struct store_request request;

    store_request_parse(&request, text_of(url), buffer);
    assert_int_not_equal(request.kind, STORE_NOTHING);
    return request;
}

static const char groups[] =
    "# of the tests\n"
    "group eessi host *.eessi.io,10.0.0.1 repository software.eessi.io,pilot-*\n"
    "group cern host !secret.cern.ch,*.eessi.io repository *.cern.ch\n"
    "group eessi repository a host [::1]\n";

struct row {
    const char *url;
    int line;        /* 0: none */
    const char *key; /* before the object */
};

static const struct row rows[] = {
    {"http://a.EESSI.io:8000/cvmfs/software.eessi.io" OBJECT, 2, "eessi"},
    {"http://10.0.0.1/cvmfs/pilot-1" OBJECT "C", 2, "eessi"},
    {"http://a.eessi.io/cvmfs/a" OBJECT, 0, NULL},
    {"http://x.net/cvmfs/lhcb.cern.ch" OBJECT "-rmd160P", 3, "cern"},
    {"http://secret.cern.ch/cvmfs/lhcb.cern.ch" OBJECT, 0, NULL},
    {"http://a.eessi.io/cvmfs/lhcb.cern.ch" OBJECT, 0, NULL},
    {"http://x.net/cvmfs/cern.ch" OBJECT, 0, NULL},
    {"http://[::1]:8000/cvmfs/a" OBJECT, 4, "eessi"},
};

static void the_first_group_that_matches_decides(void **state)
{
    struct store_rules *rules = parse(state, groups);

    assert_int_equal(store_rules_count(rules), 3);
    assert_null(store_rules_geo(rules));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct store_request request = request_of(rows[i].url);
        int number = store_rules_find(rules, &request);
        const struct store_rule *group;
        char key[200], *expected;

        if (number < 0 && rows[i].line == 0)
            continue;
        if (number < 0 || store_rules_group(rules, number)->line != rows[i].line)
            fail_msg("%s: %d", rows[i].url, number);
        group = store_rules_group(rules, number);
        expected = apr_psprintf(unit_pool(state), "http://%s.objects.replica.internal%s",
                                rows[i].key, strstr(rows[i].url, "/data/"));
        assert_true(text_equals(store_key_of_object(key, sizeof(key), group, &request),
                                expected));
        assert_int_equal(
            store_key_of_object(key, strlen(expected) - 1, group, &request).length, 0);
    }
}

static void says_what_does_not_match(void **state)
{
    struct store_rules *rules = parse(state, groups);
    struct store_request request = request_of("http://a.eessi.io/cvmfs/a" OBJECT);

    assert_string_equal(store_rules_failure(rules, 0, &request), "repository");
    assert_string_equal(store_rules_failure(rules, 2, &request), "host");
    request = request_of("http://a.eessi.io/cvmfs/pilot-a" OBJECT);
    assert_null(store_rules_failure(rules, 0, &request));
}

static void nothing_is_in_no_group(void **state)
{
    struct store_rules *rules = parse(state, "\n# nothing\n");
    struct store_request request = request_of("http://a/cvmfs/a" OBJECT);

    assert_int_equal(store_rules_count(rules), 0);
    assert_int_equal(store_rules_find(rules, &request), -1);
}

static const char geo_line[] = "geo host a.net,b.net client !192.0.2.0/24 "
                               "repository !x.org database /a.mmdb,/b.mmdb\n";

static void questions_are_shared_as_the_line_says(void **state)
{
    static const char *const table[][4] = {
        {"a.net", "y.org", "198.51.100.1", NULL},
        {"c.net", "y.org", "198.51.100.1", "host"},
        {"a.net", "x.org", "198.51.100.1", "repository"},
        {"b.net", "y.org", "192.0.2.7", "client"},
        {"a.net", "y.org", "2001:db8::1", NULL},
        {"a.net", "y.org", "-", "client"},
        {"a.net", "y.org", "a.net", "client"},
    };
    struct store_rules *rules = parse(state, geo_line);
    const struct store_rule *geo = store_rules_geo(rules);

    assert_int_equal(geo->databases->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(geo->databases, 1, const char *), "/b.mmdb");
    for (size_t i = 0; i < COUNT(table); i++) {
        struct store_request request =
            request_of(apr_psprintf(unit_pool(state), "http://%s/cvmfs/%s/api/v1/geo/x/a",
                                    table[i][0], table[i][1]));
        const char *failure =
            store_rules_geo_failure(rules, &request, text_of(table[i][2]));

        if ((failure == NULL) != (table[i][3] == NULL) ||
            (failure != NULL && strcmp(failure, table[i][3]) != 0))
            fail_msg("%d: %s", (int)i, failure);
    }
}

static void whom_servers_trust_is_left_out_by_default(void **state)
{
    struct store_rules *rules = parse(state, "geo host *\n");
    struct store_request request = request_of("http://a/cvmfs/a/api/v1/geo/x/A,B");
    char key[100];

    assert_int_equal(store_rules_geo(rules)->databases->nelts, 0);
    assert_null(store_rules_geo_failure(rules, &request, text_of("192.0.2.1")));
    assert_non_null(store_rules_geo_failure(rules, &request, text_of("127.0.0.1")));
    assert_non_null(store_rules_geo_failure(rules, &request, text_of("::1")));
    assert_non_null(
        store_rules_geo_failure(rules, &request, text_of("::ffff:127.0.0.2")));
    assert_true(text_equals(store_key_of_geo(key, sizeof(key), store_rules_geo(rules),
                                             &request, 0xabcd, text_of("192.0.2.1")),
                            "http://geo.replica.internal/abcd/192.0.2.1/a,b"));
    assert_int_equal(store_key_of_geo(key, 46, store_rules_geo(rules), &request, 0xabcd,
                                      text_of("192.0.2.1"))
                         .length,
                     0);
}

static const char *const bad[][2] = {
    {"groups a\n", "a line begins with"},
    {"group\n", "'' is no name of a group"},
    {"group A host a repository b\n", "'A' is no name"},
    {"group a.b host a repository b\n", "'a.b' is no name"},
    {"group -a host a repository b\n", "'-a' is no name"},
    {"group a host b\n", "there is no repository"},
    {"group a repository b\n", "there is no host"},
    {"group a host\n", "'host' needs a value"},
    {"group a host b host c repository d\n", "there is a second host"},
    {"group a host b repository c repository d\n", "there is a second repository"},
    {"group a host b:80 repository c\n", "'b:80' has a port"},
    {"group a host b, repository c\n", "host: '' is no name"},
    {"group a host b repository c/d\n", "repository: 'c/d' is no name"},
    {"group a host b repository c client 10.0.0.0/8\n", "'client' is not among"},
    {"group a host b repository c database /d\n", "'database' is not among"},
    {"geo\n", "there is no host"},
    {"geo host a\ngeo host b\n", "rules:2: there is a second geo line"},
    {"geo host a database b\n", "'b' does not begin with a slash"},
    {"geo host a database ,\n", "database needs the name of a file"},
    {"geo host a database /b database /b\n", "there is a second database"},
    {"geo host a client b\n", "client: 'b' is no address"},
    {"geo host a kind geo\n", "'kind' is not among"},
    {"geo host a:1\n", "has a port"},
};

static void what_is_wrong_is_said_with_its_line(void **state)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct store_rules *rules;
        struct error error;

        if (try_rules(&rules, state, bad[i][0], &error))
            fail_msg("%s is taken", bad[i][0]);
        if (strstr(error.message, bad[i][1]) == NULL ||
            strncmp(error.message, "rules:", 6) != 0)
            fail_msg("%s: %s", bad[i][0], error.message);
    }
}

static const struct CMUnitTest store_rules_tests[] = {
    UNIT_TEST(the_first_group_that_matches_decides),
    UNIT_TEST(says_what_does_not_match),
    UNIT_TEST(nothing_is_in_no_group),
    UNIT_TEST(questions_are_shared_as_the_line_says),
    UNIT_TEST(whom_servers_trust_is_left_out_by_default),
    UNIT_TEST(what_is_wrong_is_said_with_its_line),
};
UNIT_MAIN(store_rules_tests)
