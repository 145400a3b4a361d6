/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a partial replica: what they leave out, and what is refused. */
#include "tests/unit/unit.h"
#include "libreplica/format/partial_rules.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

struct row {
    const char *rules;
    const char *expected; /* a sign for each path */
};

/* What an independent matcher, tests/integration/partial.py, says: + is replicated. */
static const char *const paths[] = {
    "",          "/sw",         "/s*",         "/swx",        "/sw/a",
    "/sw/ab",    "/sw/b",       "/sw/*",       "/sw/a/b",     "/sw/a/b/c",
    "/sw/a/x86", "/sw/a/b/x86", "/sw/a/old",   "/sw/a/old/b", "/data",
    "/data/a",   "/data/b",     "/data/a/b/c", "/ab/c",       "/s?/b"};
static const struct row rows[] = {
    {"/sw\n", "++--++++++++++------"},
    {"/sw/\n", "++--++++++++++------"},
    {"/sw/a/b\n", "++--+---++-+--------"},
    {"/sw/*/x86\n", "++--++++--+---------"},
    {"/sw/a*\n", "++--++--++++++------"},
    {"/sw/?\n", "++--+-++++++++------"},
    {"/s\\*\n", "+-+-----------------"},
    {"/s\\?/b\n", "+------------------+"},
    {"/a\\b/c\n", "+-----------------+-"},
    {"/\n", "++++++++++++++++++++"},
    {"/\n!/sw\n", "+-++----------++++++"},
    {"/sw\n!/sw/a\n", "++---+++------------"},
    {"/sw\n!/sw/a/\n", "++---+++------------"},
    {"/sw\n!*old\n", "++--++++++++--------"},
    {"/sw\n!/sw/*/x86\n", "++--++++++--++------"},
    {"/sw\n!*/x?6*\n", "++--++++++--++------"},
    {"/sw\n!a\n", "++--++++++++++------"},
    {"/sw\n!/sw/\\*\n", "++--+++-++++++------"},
    {"!/sw\n", "+-------------------"},
    {"", "+-------------------"},
    {"/sw/*\n/data/a/b\n!/sw/a/b\n", "++--++++--+-++++-+--"},
    {"/*/a\n", "+++++---++++++++-+--"},
    {"//sw//a\n", "++--+---++++++------"},
};

static struct partial_rules *parse(void **state, const char *rules)
{
    const char *text = apr_pstrcat(unit_pool(state), "version 1\n", rules, NULL);
    struct partial_rules *parsed;
    struct error error;

    assert_ok(partial_rules_parse(&parsed, text_of(text), unit_pool(state), &error),
              &error);
    return parsed;
}

static void decides_as_the_table_says(void **state)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct partial_rules *rules = parse(state, rows[i].rules);

        assert_int_equal(strlen(rows[i].expected), COUNT(paths));
        for (size_t j = 0; j < COUNT(paths); j++)
            if (partial_rules_exclude(rules, paths[j]) != (rows[i].expected[j] == '-'))
                fail_msg("'%s' under %s", paths[j], rows[i].rules);
    }
}

static void passes_over_comments_and_blanks(void **state)
{
    const char *text =
        "\n # a comment\r\n\tversion 1 \r\n#/x\n\n  /sw \r\n! \t /sw/a\t\n /b";
    struct partial_rules *rules;
    struct error error;

    assert_ok(partial_rules_parse(&rules, text_of(text), unit_pool(state), &error),
              &error);
    assert_false(partial_rules_exclude(rules, "/sw/b"));
    assert_true(partial_rules_exclude(rules, "/sw/a"));
    assert_false(partial_rules_exclude(rules, "/b"));
    assert_true(partial_rules_exclude(rules, "/x"));
    assert_true(text_equals(partial_rules_text(rules), text));
}

static void names_the_line_that_is_wrong(void **state)
{
    static const char *const cases[][3] = {
        {"", "there is no 'version 1'", ""},
        {"# only\n\n", "there is no 'version 1'", ""},
        {"/sw\n", "line 1", "not '/sw'"},
        {"\n#\nversion 2\n", "line 3", "version 2"},
        {"version 10\n", "line 1", "version 10"},
        {"version 1\n\nsw\n", "line 3", "'sw' is no absolute path"},
        {"version 1\n*\n", "line 2", "no absolute path"},
        {"version 1\nversion 1\n", "line 2", "no absolute path"},
        {"version 1\n/a\\\n", "line 2", "after \\"},
        {"version 1\n/a\\/b\n", "line 2", "after \\"},
        {"version 1\n/a\n!\n", "line 3", "no path"},
        {"version 1\n! /\n", "line 2", "no path"},
    };
    struct partial_rules *rules;
    struct error error;

    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(
            partial_rules_parse(&rules, text_of(cases[i][0]), unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        assert_non_null(strstr(error.message, cases[i][1]));
        assert_non_null(strstr(error.message, cases[i][2]));
    }
}

static char *many(void **state, const char *before, const char *part, int count,
                  const char *after)
{
    size_t length = strlen(part);
    char *text = apr_pcalloc(unit_pool(state),
                             strlen(before) + length * (size_t)count + strlen(after) + 1);

    strcpy(text, before);
    for (int i = 0; i < count; i++)
        memcpy(text + strlen(before) + length * (size_t)i, part, length);
    strcat(text, after);
    return text;
}

static void refuses_what_is_too_large(void **state)
{
    static const char nul[] = "version 1\n/a\0b\n";
    struct partial_rules *rules;
    struct error error;

    assert_false(partial_rules_parse(&rules,
                                     text_of(many(state, "version 1\n/", "a", 4096, "")),
                                     unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(partial_rules_parse(
        &rules,
        text_of(many(state, "version 1\n", "#\n", PARTIAL_RULES_SIZE_MAX / 2, "")),
        unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_false(partial_rules_parse(&rules, (struct text){nul, sizeof(nul) - 1},
                                     unit_pool(state), &error));
}

/* Trying every star again at every place would take longer than the world lasts. */
static void is_not_led_astray_by_stars(void **state)
{
    const char *path = many(state, "/", "a", 4000, "");
    struct partial_rules *rules = parse(state, many(state, "/\n!", "*a", 2000, "b\n"));

    assert_false(partial_rules_exclude(rules, path));
    rules = parse(state, many(state, "/", "*a", 2000, "b\n"));
    assert_true(partial_rules_exclude(rules, path));
}

static const struct CMUnitTest partial_rules_tests[] = {
    UNIT_TEST(decides_as_the_table_says),    UNIT_TEST(passes_over_comments_and_blanks),
    UNIT_TEST(names_the_line_that_is_wrong), UNIT_TEST(refuses_what_is_too_large),
    UNIT_TEST(is_not_led_astray_by_stars),
};
UNIT_MAIN(partial_rules_tests)
