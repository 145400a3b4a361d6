/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with * and ?. */
#include "tests/unit/unit.h"
#include "libreplica/format/glob.h"

struct row {
    const char *pattern, *text;
    bool matches;
};

static const struct row rows[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"*", "abc", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "ab", false},
    {"a*c", "abbc", true},
    {"a*c", "abcd", false},
    {"*.cern.ch", "a.cern.ch", true},
    {"*.cern.ch", "cern.ch", false},
    {"a*b*c", "aXbXbXc", true},
    {"*ab*", "xaabx", true},
    {"**a**", "bab", true},
    {"a?c*", "abcd", true},
    {"abc", "abd", false},
};

static void matches_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (glob_matches(text_of(rows[i].pattern), text_of(rows[i].text)) !=
            rows[i].matches)
            fail_msg("'%s' and '%s'", rows[i].pattern, rows[i].text);
}

static void knows_a_pattern(void **state)
{
    (void)state;
    assert_true(glob_is_pattern(text_of("a?")));
    assert_true(glob_is_pattern(text_of("*")));
    assert_false(glob_is_pattern(text_of("a.b-c")));
}

static const struct CMUnitTest glob_tests[] = {
    UNIT_TEST(matches_as_the_table_says),
    UNIT_TEST(knows_a_pattern),
};
UNIT_MAIN(glob_tests)
