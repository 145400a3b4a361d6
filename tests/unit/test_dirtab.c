/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of /.cvmfsdirtab. */
#include "tests/unit/unit.h"

#include "libreplica/format/dirtab.h"

static struct dirtab *parse(void **state, const char *text)
{
    struct dirtab *dirtab;
    struct error error;

    assert_ok(dirtab_parse(&dirtab, text_of(text), unit_pool(state), &error), &error);
    return dirtab;
}

static void takes_what_a_pattern_matches(void **state)
{
    static const struct {
        const char *rules, *path;
        bool matches;
    } cases[] = {
        {"/a", "/a", true},
        {"/a", "/a/b", false},
        {"/a", "/b", false},
        {"//a//b/", "/a/b", true},
        {"/a/*", "/a/b", true},
        {"/a/*", "/a/.b", true},
        {"/a/*", "/a", false},
        {"/a/*", "/a/b/c", false},
        {"/a/*/c*", "/a/b/cde", true},
        {"/*/?", "/a/bb", false},
        {"/a/x*y*z", "/a/x-y-y-z", true},
        {"/a/\\*", "/a/*", true},
        {"/a/\\*", "/a/b", false},
        {"/a/\\\\", "/a/\\", true},
        {"/a/[b]", "/a/b", false},
        {"/a/[b]", "/a/[b]", true},
        {"  /a \t\r\n# /b\n\n", "/a", true},
        {"# /b", "/b", false},
        {"/b\n", "/b", true},
        {"/a/*\n! *.svn", "/a/x.svn", false},
        {"/a/*\n! *.svn", "/a/x.git", true},
        {"/a/*/*\n!/a/x*", "/a/x/y", false},
        {"/a/*/*\n!/a/x*", "/a/y/y", true},
        {"/a/*\n!b", "/a/b", true},
        {"!/a", "/a", false},
        {"", "/a", false},
        {"!\n", "/a", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dirtab *dirtab = parse(state, cases[i].rules);

        if (dirtab_matches(dirtab, cases[i].path) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].rules, cases[i].path);
    }
}

static void knows_the_components_of_its_patterns(void **state)
{
    struct dirtab *dirtab = parse(state, "/a/b*\n!/z/z/z/z\n/x/y/z/\n");

    assert_int_equal(dirtab_count(dirtab), 2);
    assert_int_equal(dirtab_depth(dirtab), 3);
    assert_int_equal(dirtab_components(dirtab, 0), 2);
    assert_true(dirtab_component_matches(dirtab, 0, 1, text_of("bcd")));
    assert_false(dirtab_component_matches(dirtab, 0, 0, text_of("bcd")));
    assert_true(dirtab_component_matches(dirtab, 1, 2, text_of("z")));
}

static void refuses_what_makes_no_sense(void **state)
{
    static const struct {
        const char *rules, *message;
    } cases[] = {
        {"a", ":1:"},
        {"\n*/a", ":2:"},
        {"/a\\b", "backslash"},
        {"/a\\", "backslash"},
        {"/", "no pattern"},
        {"!/", "no pattern"},
        {"/a\n!/a", ":2: the same pattern"},
        {"! /a/*\n/b\n/a//*", ":3: the same pattern"},
    };
    struct dirtab *dirtab;
    struct error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_false(
            dirtab_parse(&dirtab, text_of(cases[i].rules), unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        assert_non_null(strstr(error.message, cases[i].message));
    }
}

static const struct CMUnitTest dirtab[] = {
    UNIT_TEST(takes_what_a_pattern_matches),
    UNIT_TEST(knows_the_components_of_its_patterns),
    UNIT_TEST(refuses_what_makes_no_sense),
};
UNIT_MAIN(dirtab)
