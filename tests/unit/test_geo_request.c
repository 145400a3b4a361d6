/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of the geo API: its lists and its error texts. */
#include "tests/unit/unit.h"
#include "libreplica/format/geo_request.h"

/* "caching|element|element...", or "!reason". */
static const char *parsed(const char *api, apr_pool_t *pool)
{
    struct geo_request request;
    const char *reason, *shown;

    if (!geo_request_parse(&request, &reason, text_of("a.b"), text_of(api), pool))
        return apr_pstrcat(pool, "!", reason, NULL);
    assert_null(reason);
    shown =
        apr_pstrmemdup(pool, request.caching_string.bytes, request.caching_string.length);
    for (int i = 0; i < request.count; i++)
        shown = apr_psprintf(pool, "%s|%.*s", shown, (int)request.elements[i].length,
                             request.elements[i].bytes);
    return shown;
}

static void splits_the_list(void **state)
{
    apr_pool_t *pool = unit_pool(state);

    assert_string_equal(parsed("v1.0/geo/x/a,b", pool), "x|a|b");
    assert_string_equal(parsed("v1.0/geo/x/a", pool), "x|a");
    assert_string_equal(parsed("v1.0/geo/x/", pool), "x|");
    assert_string_equal(parsed("v1.0/geo/x/a,", pool), "x|a|");
    assert_string_equal(parsed("v1.0/geo/x/,,", pool), "x|||");
    assert_string_equal(parsed("v/geo/10.0.0.1/a", pool), "10.0.0.1|a");
    assert_string_equal(parsed("v2.7/geo/x/a", pool), "x|a");
}

static void later_slashes_belong_to_a_name(void **state)
{
    apr_pool_t *pool = unit_pool(state);

    assert_string_equal(parsed("v1.0/geo/x/y/z,b/", pool), "x|y/z|b/");
}

static void runs_of_slashes_are_one(void **state)
{
    apr_pool_t *pool = unit_pool(state);

    assert_string_equal(parsed("//v1.0///geo//x//a,b", pool), "x|a|b");
    assert_string_equal(parsed("v1.0/geo//x", pool), "!no slash in geo path");
    assert_string_equal(parsed("v1.0//x", pool), "!malformed api URL: /a.b/v1.0/x");
}

static void says_what_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"", "!malformed api URL: /a.b/"},
        {"/", "!malformed api URL: /a.b/"},
        {"v1.0", "!malformed api URL: /a.b/v1.0"},
        {"v1.0/", "!malformed api URL: /a.b/v1.0/"},
        {"v1.0/geo", "!malformed api URL: /a.b/v1.0/geo"},
        {"x1.0/geo/x/a", "!malformed api URL: /a.b/x1.0/geo/x/a"},
        {"1.0//geo//x/a", "!malformed api URL: /a.b/1.0/geo/x/a"},
        {"x\r\n\x01|\xc3\xa4|\x7f|~", "!malformed api URL: /a.b/x???|??|?|~"},
        {"v1.0/other/x/a", "!unrecognized api function"},
        {"v1.0/geos/x/a", "!unrecognized api function"},
        {"v1.0/ge/", "!unrecognized api function"},
        {"v1.0/geo/x", "!no slash in geo path"},
        {"v1.0/geo/", "!no slash in geo path"},
        {"v1.0/geo/a,b,c", "!no slash in geo path"},
        {"v1.0/geo/_namelookups_", "!no slash in geo path"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(parsed(cases[i][0], unit_pool(state)), cases[i][1]);
}

static void echoes_long_urls_whole(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    char api[5001];

    memset(api, 'x', sizeof(api) - 1);
    api[sizeof(api) - 1] = '\0';
    assert_string_equal(parsed(api, pool),
                        apr_pstrcat(pool, "!malformed api URL: /a.b/", api, NULL));
}

static int separator_of(const char *list, apr_pool_t *pool)
{
    const char *api = apr_pstrcat(pool, "v1.0/geo/x/", list, NULL), *reason;
    struct geo_request request;

    assert_true(geo_request_parse(&request, &reason, text_of("a.b"), text_of(api), pool));
    return request.separator;
}

static void finds_the_first_separator(void **state)
{
    apr_pool_t *pool = unit_pool(state);

    assert_int_equal(separator_of("a,b", pool), -1);
    assert_int_equal(separator_of("a,+PXYSEP+,b,+PXYSEP+", pool), 1);
    assert_int_equal(separator_of("+PXYSEP+,b", pool), 0);
    assert_int_equal(separator_of("a,+PXYSEP+", pool), 1);
    assert_int_equal(separator_of("a,+pxysep+,+PXYSEP+x,+PXYSEP", pool), -1);
}

static void asks_for_the_count(void **state)
{
    struct geo_request request;
    const char *reason;

    assert_true(geo_request_parse(&request, &reason, text_of("a.b"),
                                  text_of("v1.0/geo/_namelookups_/"), unit_pool(state)));
    assert_true(request.asks_lookup_count);
    assert_int_equal(request.count, 0);
    assert_int_equal(request.separator, -1);
    assert_true(geo_request_parse(&request, &reason, text_of("a.b"),
                                  text_of("v1.0/geo/namelookups/x"), unit_pool(state)));
    assert_false(request.asks_lookup_count);
}

static const struct CMUnitTest geo_request_tests[] = {
    UNIT_TEST(splits_the_list),         UNIT_TEST(later_slashes_belong_to_a_name),
    UNIT_TEST(runs_of_slashes_are_one), UNIT_TEST(says_what_is_wrong),
    UNIT_TEST(echoes_long_urls_whole),  UNIT_TEST(finds_the_first_separator),
    UNIT_TEST(asks_for_the_count),
};

UNIT_MAIN(geo_request_tests)
