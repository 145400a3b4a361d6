/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a policy: what they decide, what is refused, and that the fast way to a
 * decision always comes to the same one as going through the rules. */
#include "tests/unit/unit.h"
#include "libreplica/format/policy_rules.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool give_text(struct text *content, void *baton, const char *file,
                      apr_pool_t *pool, struct error *error)
{
    (void)file, (void)pool, (void)error;
    *content = text_of(baton);
    return true;
}

static bool try_rules(struct policy_rules **rules, void **state, const char *text,
                      struct error *error)
{
    struct rule_source source = {give_text, (void *)text};

    return policy_rules_parse(rules, "rules", &source, unit_pool(state), error);
}

static struct policy_rules *parse(void **state, const char *text)
{
    struct policy_rules *rules;
    struct error error;

    assert_ok(try_rules(&rules, state, text, &error), &error);
    return rules;
}

/* A request at noon on a Wednesday. */
static struct policy_query query_of(const char *method, const char *url,
                                    const char *client, int port)
{
    static char buffer[1000];
    struct policy_query query = {.method = text_of(method), .port = port};

    query.weekday = 3;
    query.minute = 12 * 60;
    policy_query_set_url(&query, text_of(url), buffer);
    policy_query_set_client(&query, text_of(client));
    return query;
}

#define MANIFEST "/cvmfs/a.cern.ch/.cvmfspublished"
#define DATA     "/cvmfs/b.org/data/ab/00000000000000000000000000000000000000"

struct row {
    const char *condition;
    const char *expected; /* a sign for each request: + the condition holds */
};

static const struct row rows[] = {
    {"method GET", "+++-++"},
    {"method !GET,HEAD", "---+--"},
    {"method other,PUT", "---+--"},
    {"kind manifest", "+-----"},
    {"kind !data,catalog", "+--+++"},
    {"repository a.cern.ch", "+-----"},
    {"repository *.cern.ch", "+-----"},
    {"repository ?.org", "-++---"},
    {"repository *.org,a*", "+++---"},
    {"repository *ern*", "+-----"},
    {"repository !b.org", "+--+++"},
    {"repository *", "+++---"},
    {"client 10.0.0.0/8", "+-----"},
    {"client 10.1.2.3", "+-----"},
    {"client 10.1.2.4", "------"},
    {"client 2001:db8::/33", "-+----"},
    {"client ::/0", "-++---"},
    {"client 0.0.0.0/0", "+---+-"},
    {"client !10.0.0.0/8,::/0", "---+++"},
    {"port 80", "+-----"},
    {"port 8000-8010,443", "-++---"},
    {"port !80", "-+++++"},
    {"suffix C", "--+---"},
    {"suffix none", "-+----"},
    {"suffix !none", "--+---"},
    {"host squid.example.net", "----+-"},
    {"host *.EXAMPLE.net", "----+-"},
    {"host !x", "++++++"},
    {"time 08:00-12:01", "++++++"},
    {"time 08:00-12:00", "------"},
    {"time 22:00-06:00", "------"},
    {"time 13:00-12:30", "++++++"},
    {"time 12:00-24:00", "++++++"},
    {"time !12:00-13:00", "------"},
    {"day wed", "++++++"},
    {"day mon-fri", "++++++"},
    {"day sat-mon,thu", "------"},
    {"day !wed", "------"},
    {"kind manifest client 10.0.0.0/8 port 80 repository a*", "+-----"},
    {"kind manifest client 10.0.0.0/8 port 81", "------"},
};

static void conditions_hold_as_the_table_says(void **state)
{
    static const char *const requests[][3] = {
        {"GET", MANIFEST, "10.1.2.3"},
        {"GET", DATA, "2001:db8::1"},
        {"GET", DATA "C", "2001:db9::1"},
        {"PROPFIND", "/", "unknown"},
        {"GET", "http://squid.EXAMPLE.net/", "192.0.2.1"},
        {"GET", "", ""}};
    static const int ports[] = {80, 8000, 8010, 0, 3128, 0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *text =
            apr_psprintf(unit_pool(state), "deny %s\ndefault allow\n", rows[i].condition);
        struct policy_rules *rules = parse(state, text);

        for (size_t j = 0; j < COUNT(requests); j++) {
            struct policy_query query =
                query_of(requests[j][0], requests[j][1], requests[j][2], ports[j]);

            if ((policy_rules_decide(rules, &query) == 0) != (rows[i].expected[j] == '+'))
                fail_msg("%s, request %d", rows[i].condition, (int)j);
        }
    }
}

static void the_first_rule_that_matches_decides(void **state)
{
    struct policy_rules *rules =
        parse(state, "allow no-cache repository b.org kind catalog\n"
                     "deny \"no b\" repository b.* note why=b\n"
                     "allow repository b.org\n"
                     "allow limit slow note \"k=v w\" note l_=\n"
                     "default deny\n");
    struct policy_query query = query_of("GET", DATA "C", "10.1.2.3", 80);
    const struct policy_effect *effect;

    assert_int_equal(policy_rules_count(rules), 5);
    effect = policy_rules_effect(rules, policy_rules_decide(rules, &query));
    assert_int_equal(effect->line, 1);
    assert_true(effect->is_allowed && effect->cache == POLICY_CACHE_NO);
    query = query_of("GET", DATA, "10.1.2.3", 80);
    effect = policy_rules_effect(rules, policy_rules_decide(rules, &query));
    assert_int_equal(effect->line, 2);
    assert_false(effect->is_allowed);
    assert_true(text_equals(effect->reason, "no b"));
    assert_string_equal(effect->notes[0].key, "why_");
    assert_string_equal(policy_rules_failure(rules, 0, &query), "kind");
    assert_null(policy_rules_failure(rules, 1, &query));
    query = query_of("GET", MANIFEST, "10.1.2.3", 80);
    effect = policy_rules_effect(rules, policy_rules_decide(rules, &query));
    assert_int_equal(effect->line, 4);
    assert_true(effect->cache == POLICY_CACHE_YES && text_equals(effect->limit, "slow"));
    assert_int_equal(effect->note_count, 2);
    assert_string_equal(effect->notes[0].key, "k_");
    assert_true(text_equals(effect->notes[0].value, "v w"));
    assert_string_equal(effect->notes[1].key, "l_");
}

static void names_the_line_that_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"", "rules: there is no default"},
        {"allow\n", "there is no default"},
        {"\npermit\n", "rules:2: a line begins with"},
        {"\"allow\"\n", "a line begins with"},
        {"default\n", "allow or deny has to follow default"},
        {"default deny kind data\n", "the default has no conditions"},
        {"default deny\nallow\n", "rules:2: the default has to be the last rule"},
        {"deny cache\n", "what is denied has no cache"},
        {"deny kind data \"late\"\n", "\"late\" is at no place for a text"},
        {"allow \"why\"\n", "is at no place for a text"},
        {"allow cache no-cache\n", "contradict"},
        {"allow kind data kind geo\n", "there is a second kind"},
        {"allow kind\n", "kind needs a value"},
        {"allow kind data,\n", "kind: '' is no kind"},
        {"allow kind datum\n", "kind: 'datum' is no kind"},
        {"allow method get\n", "method: 'get' is no method"},
        {"allow suffix c\n", "suffix: 'c'"},
        {"allow day mon-tuesday\n", "day: 'mon-tuesday'"},
        {"allow time 8:00-9:00\n", "time: '8:00-9:00'"},
        {"allow time 08:00-24:01\n", "time: "},
        {"allow time 08:00-08:00\n", "time: "},
        {"allow port 0\n", "port: '0'"},
        {"allow port 90-80\n", "port: '90-80'"},
        {"allow client 10.0.0.1/8\n", "the address goes on after its bits"},
        {"allow client 10.0.0.0/33\n", "the number of bits is wrong"},
        {"allow client 10.0.0\n", "client: '10.0.0'"},
        {"allow client ::/129\n", "the number of bits"},
        {"allow repository a/b\n", "repository: 'a/b'"},
        {"allow repository !\n", "repository: ''"},
        {"allow note x\n", "'x' is no note"},
        {"allow note =x\n", "'=x' is no note"},
        {"allow note cache=x\n", "the note cache_ is set anyway"},
        {"allow frobnicate\n", "'frobnicate' is neither"},
    };
    struct policy_rules *rules;
    struct error error;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (try_rules(&rules, state, cases[i][0], &error) ||
            strstr(error.message, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], error.message);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

/* Random names from few parts, so that many patterns meet many of them. */
static const char *random_name(apr_pool_t *pool, bool is_pattern)
{
    static const char *const parts[] = {"a",  "bc", "data", ".cern", ".ch",
                                        "-9", "*",  "?",    "**",    "*"};
    char *name = apr_pcalloc(pool, 64);
    int count = 1 + rand() % 5;

    strcpy(name, is_pattern ? "" : "x");
    for (int i = 0; i < count; i++)
        strcat(name, parts[rand() % (is_pattern ? 10 : 6)]);
    return name;
}

static const char *random_network(apr_pool_t *pool, bool is_address)
{
    static const char *const v6[] = {
        "::/0",        "2001:db8::/32",      "2001:db8:8000::/33",
        "2001:db8::1", "2001:db8:ffff::/48", "::ffff:10.1.0.0/112"};
    static const char *const v6_addresses[] = {"::1", "2001:db8::1", "2001:db8:ffff::5"};
    int bits = is_address ? 32 : rand() % 33;
    uint32_t address =
        (10U << 24 | (uint32_t)(rand() % 4) << 16 | (uint32_t)(rand() % 6)) &
        (bits == 0 ? 0 : ~0U << (32 - bits));

    if (rand() % 4 == 0)
        return is_address ? v6_addresses[rand() % 3] : v6[rand() % 6];
    return apr_psprintf(pool, is_address ? "%u.%u.%u.%u" : "%u.%u.%u.%u/%d",
                        address >> 24, address >> 16 & 255, address >> 8 & 255,
                        address & 255, bits);
}

static const char *random_list(apr_pool_t *pool, bool are_names)
{
    const char *list = rand() % 8 == 0 ? "!" : "";
    int count = 1 + rand() % 3;

    for (int i = 0; i < count; i++)
        list = apr_pstrcat(
            pool, list, i > 0 ? "," : "",
            are_names ? random_name(pool, true) : random_network(pool, false), NULL);
    return list;
}

static const char *random_rules(apr_pool_t *pool, int count)
{
    const char *rules = "";

    for (int i = 0; i < count; i++) {
        rules = apr_pstrcat(pool, rules, "allow", NULL);
        if (rand() % 2 == 0)
            rules =
                apr_pstrcat(pool, rules, " repository ", random_list(pool, true), NULL);
        if (rand() % 3 == 0)
            rules = apr_pstrcat(pool, rules, " client ", random_list(pool, false), NULL);
        if (rand() % 4 == 0)
            rules = apr_pstrcat(pool, rules, " host ", random_list(pool, true), NULL);
        if (rand() % 2 == 0)
            rules = apr_pstrcat(pool, rules, " kind manifest", NULL);
        rules = apr_pstrcat(pool, rules, " port ", rand() % 2 == 0 ? "80" : "81-90", "\n",
                            NULL);
    }
    return apr_pstrcat(pool, rules, "default deny\n", NULL);
}

static int decide_slowly(const struct policy_rules *rules,
                         const struct policy_query *query)
{
    int number = 0;

    while (policy_rules_failure(rules, number, query) != NULL)
        number++;
    return number;
}

static void decides_as_if_it_went_through_the_rules(void **state)
{
    int met = 0;

    srand(20261120);
    for (int set = 0; set < 500; set++) {
        apr_pool_t *pool;
        struct policy_rules *rules;

        assert_int_equal(apr_pool_create(&pool, unit_pool(state)), APR_SUCCESS);
        rules = parse((void **)&pool, random_rules(pool, set % 100));
        for (int i = 0; i < 200; i++) {
            const char *url =
                apr_psprintf(pool, "%s/cvmfs/%s/%s", rand() % 2 ? "http://" : "",
                             random_name(pool, false),
                             rand() % 2 ? ".cvmfspublished" : ".cvmfsreflog");
            struct policy_query query;

            if (*url == 'h')
                url =
                    apr_psprintf(pool, "http://%s%s", random_name(pool, false), url + 7);
            query = query_of("GET", url, random_network(pool, true), 79 + rand() % 12);
            met += policy_rules_decide(rules, &query) < set % 100;
            assert_int_equal(policy_rules_decide(rules, &query),
                             decide_slowly(rules, &query));
        }
        apr_pool_destroy(pool);
    }
    /* Neither all requests end at the default nor none. */
    assert_in_range(met, 20000, 90000);
}

static const struct CMUnitTest policy_rules_tests[] = {
    UNIT_TEST(conditions_hold_as_the_table_says),
    UNIT_TEST(the_first_rule_that_matches_decides),
    UNIT_TEST(names_the_line_that_is_wrong),
    UNIT_TEST(decides_as_if_it_went_through_the_rules),
};
UNIT_MAIN(policy_rules_tests)
