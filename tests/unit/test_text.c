/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning: lines, strict numbers, hex, escaping, names. */
#include "tests/unit/unit.h"
#include "libreplica/base/text.h"

static void takes_lines_only_with_their_lf(void **state)
{
    struct text rest = text_of("a\n\nlast"), line;

    assert_true(text_next_line(&rest, &line) && text_equals(line, "a"));
    assert_true(text_next_line(&rest, &line) && line.length == 0);
    assert_false(text_next_line(&rest, &line));
    assert_true(text_equals(rest, "last"));
}

static void parses_numbers_strictly(void **state)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1a",
                                      "9223372036854775808",
                                      "99999999999999999999"};
    int64_t value;

    assert_true(text_parse_number(&value, text_of("9223372036854775807")));
    assert_true(value == INT64_MAX);
    assert_true(text_parse_number(&value, text_of("007")) && value == 7);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (text_parse_number(&value, text_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
}

static void parses_and_writes_lower_case_hex(void **state)
{
    unsigned char bytes[2];
    char digits[5];

    assert_true(text_parse_hex(bytes, text_of("0aff")));
    text_format_hex(digits, bytes, 2);
    assert_string_equal(digits, "0aff");
    assert_false(text_parse_hex(bytes, text_of("0AFF")));
    assert_false(text_parse_hex(bytes, text_of("0af")));
}

static void escapes_for_people(void **state)
{
    struct text odd = {"a\n\x1b\\\0z", 6};
    const char *string;

    assert_string_equal(text_for_people(odd, 100, unit_pool(state)),
                        "a\\x0a\\x1b\\x5c\\x00z");
    assert_string_equal(text_for_people(text_of("abcdef"), 3, unit_pool(state)),
                        "abc...");
    assert_false(text_to_string(&string, odd, unit_pool(state)));
    assert_true(text_to_string(&string, text_of("abc"), unit_pool(state)));
}

static void knows_letters_digits_and_what_is_added(void **state)
{
    (void)state;
    assert_true(text_has_only(text_of("aZ09"), ""));
    assert_true(text_has_only(text_of("a.b-"), "-."));
    assert_false(text_has_only(text_of("a.b"), "-"));
    assert_false(text_has_only(text_of(""), "."));
    assert_false(text_has_only((struct text){"a\0", 2}, "."));
    assert_false(text_has_only(text_of("\xc3\xa4"), "."));
}

static void lowers_ascii_letters(void **state)
{
    char buffer[8];

    (void)state;
    assert_true(text_equals(text_lower(text_of("aZ[@\xc4.9"), buffer), "az[@\xc4.9"));
    assert_true(text_is_same(text_of("ab"), text_lower(text_of("AB"), buffer)));
    assert_false(text_is_same(text_of("ab"), text_of("abc")));
    assert_true(text_is_same((struct text){NULL, 0}, text_of("")));
}

static void resolves_escapes(void **state)
{
    (void)state;
    assert_int_equal(text_escaped_byte(text_of("a%2F"), 1), '/');
    assert_int_equal(text_escaped_byte(text_of("%ff"), 0), 255);
    assert_int_equal(text_escaped_byte(text_of("%00x"), 0), 0);
    assert_int_equal(text_escaped_byte(text_of("%2"), 0), -1);
    assert_int_equal(text_escaped_byte(text_of("%g0"), 0), -1);
    assert_int_equal(text_escaped_byte(text_of("41"), 0), -1);
    assert_int_equal(text_escaped_byte(text_of("%41"), 3), -1);
}

static void knows_repository_names(void **state)
{
    static const char *const good[] = {"a", "sw.example.net", "A_b-c.9"};
    static const char *const bad[] = {
        "",    ".",
        "..",  "-a",
        "a/b", "a b",
        "_a",  "a2345678901234567890123456789012345678901234567890123456789.x"};

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(text_is_repository_name(text_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(text_is_repository_name(text_of(bad[i])));
}

static const struct CMUnitTest text_tests[] = {
    UNIT_TEST(takes_lines_only_with_their_lf),
    UNIT_TEST(parses_numbers_strictly),
    UNIT_TEST(parses_and_writes_lower_case_hex),
    UNIT_TEST(escapes_for_people),
    UNIT_TEST(knows_repository_names),
    UNIT_TEST(knows_letters_digits_and_what_is_added),
    UNIT_TEST(lowers_ascii_letters),
    UNIT_TEST(resolves_escapes),
};

UNIT_MAIN(text_tests)
