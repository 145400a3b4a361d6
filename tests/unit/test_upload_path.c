/* SPDX-License-Identifier: Apache-2.0 */
/* Names of uploads, queries, ranges. */
#include "tests/unit/unit.h"

#include "libreplica/format/upload_path.h"

static void good_names(void **state)
{
    static const char *const paths[] = {
        "/a",           "/a/b c",   "/\xC3\xBC", "/\xF4\x8F\xBF\xBF", "/a/ttl.json",
        "/ttl.jsonl/a", "/.hidden", "/...",      "/a.cvmfs"};
    struct error error;

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        assert_ok(upload_path_check(text_of(paths[i]), &error), &error);
}

static void names_that_are_none(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "a",
        "/a/",
        "//a",
        "/a//b",
        "/.",
        "/..",
        "/a/../b",
        "/a/..",
        "/.cvmfs",
        "/a/.cvmfscatalog",
        "/ttl.json",
        "/ttl.json/a",
        "/a\nb",
        "/a\x7F",
        "/\xFF",
        "/\xC0\xAF",
        "/\xED\xA0\x80",
        "/\xF4\x90\x80\x80",
        "/\xE0\x80",
        "/\xC3",
    };
    char name[300] = "/";
    struct error error;

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        assert_false(upload_path_check(text_of(paths[i]), &error));
    assert_true(upload_path_check_read(text_of("/ttl.json"), &error));
    assert_false(upload_path_check_read(text_of("/ttl.json/"), &error));
    memset(name + 1, 'n', 255);
    assert_true(upload_path_check(text_of(name), &error));
    name[256] = 'n';
    assert_false(upload_path_check(text_of(name), &error));
    assert_false(upload_path_check((struct text){"/a\0b", 4}, &error));
}

static void queries(void **state)
{
    static const char query[] = "xa=1&a=%2Fb+c&a=2&empty=&bad=%zz&nul=%00&last=9";
    apr_pool_t *pool = unit_pool(state);
    const char *value;
    bool is_bad;

    assert_true(query_find(&value, &is_bad, text_of(query), "a", pool));
    assert_string_equal(value, "/b c");
    assert_true(query_find(&value, &is_bad, text_of(query), "empty", pool));
    assert_string_equal(value, "");
    assert_true(query_find(&value, &is_bad, text_of(query), "last", pool));
    assert_string_equal(value, "9");
    assert_false(query_find(&value, &is_bad, text_of(query), "bad", pool));
    assert_true(is_bad);
    assert_false(query_find(&value, &is_bad, text_of(query), "nul", pool));
    assert_true(is_bad);
    assert_false(query_find(&value, &is_bad, text_of(query), "none", pool));
    assert_false(is_bad);
    assert_true(query_flag(&is_bad, "TRUE") && is_bad);
    assert_true(query_flag(&is_bad, "off") && !is_bad);
    assert_false(query_flag(&is_bad, ""));
}

static void ranges(void **state)
{
    static const struct {
        const char *range;
        int64_t size;
        enum byte_range kind;
        int64_t first, last;
    } cases[] = {
        {"bytes=0-0", 10, BYTE_RANGE_SOME, 0, 0},
        {"Bytes=3-", 10, BYTE_RANGE_SOME, 3, 9},
        {"bytes=-4", 10, BYTE_RANGE_SOME, 6, 9},
        {"bytes=-40", 10, BYTE_RANGE_SOME, 0, 9},
        {"bytes=5-100", 10, BYTE_RANGE_SOME, 5, 9},
        {"bytes=10-", 10, BYTE_RANGE_BEYOND, 0, 0},
        {"bytes=-0", 10, BYTE_RANGE_BEYOND, 0, 0},
        {"bytes=-1", 0, BYTE_RANGE_BEYOND, 0, 0},
        {"bytes=5-4", 10, BYTE_RANGE_NONE, 0, 0},
        {"bytes=0-1,3-4", 10, BYTE_RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-", 10, BYTE_RANGE_NONE, 0, 0},
        {"lines=0-1", 10, BYTE_RANGE_NONE, 0, 0},
        {"bytes=", 10, BYTE_RANGE_NONE, 0, 0},
        {NULL, 10, BYTE_RANGE_NONE, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int64_t first, last;

        assert_int_equal(byte_range_parse(&first, &last, cases[i].range, cases[i].size),
                         cases[i].kind);
        if (cases[i].kind != BYTE_RANGE_SOME)
            continue;
        assert_int_equal(first, cases[i].first);
        assert_int_equal(last, cases[i].last);
    }
}

static const struct CMUnitTest upload_path_tests[] = {
    UNIT_TEST(good_names),
    UNIT_TEST(names_that_are_none),
    UNIT_TEST(queries),
    UNIT_TEST(ranges),
};

UNIT_MAIN(upload_path_tests)
