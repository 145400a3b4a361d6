/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the helper protocol. */
#include "tests/unit/unit.h"
#include "squid-helpers/helper_line.h"

static void takes_the_channel_off_as_it_came(void **state)
{
    static const char *const bad[] = {"", " 1 a", "a 1", "1a", "-1 a", "+1 a"};
    struct helper_request request;

    (void)state;
    assert_true(
        helper_request_parse(&request, text_of("0012345678901234567890 a b"), true));
    assert_true(text_equals(request.channel, "0012345678901234567890"));
    assert_true(text_equals(request.fields, " a b"));
    assert_true(helper_request_parse(&request, text_of("7"), true));
    assert_true(text_equals(request.channel, "7"));
    assert_true(helper_request_parse(&request, text_of("12 a"), false));
    assert_int_equal(request.channel.length, 0);
    assert_true(text_equals(request.fields, "12 a"));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_false(helper_request_parse(&request, text_of(bad[i]), true));
        assert_int_equal(request.channel.length, 0);
    }
}

static void fields_are_between_runs_of_blanks(void **state)
{
    struct text fields = text_of("  a  %20b\t- \r"), field;
    char buffer[20];

    (void)state;
    assert_true(helper_field_next(&field, &fields));
    assert_true(text_equals(field, "a"));
    assert_true(helper_field_next(&field, &fields));
    assert_true(text_equals(helper_field_unescape(field, buffer), " b"));
    assert_true(helper_field_next(&field, &fields));
    assert_true(text_equals(field, "-"));
    assert_false(helper_field_next(&field, &fields));
}

static void escapes_are_resolved_once(void **state)
{
    static const char *const cases[][2] = {
        {"%41%2a%2A", "A**"}, {"%", "%"},     {"%4", "%4"}, {"%4g%41", "%4gA"},
        {"a%2520b", "a%20b"}, {"%%41", "%A"}, {"", ""},     {"plain", "plain"}};
    char buffer[20];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_true(text_equals(helper_field_unescape(text_of(cases[i][0]), buffer),
                                cases[i][1]));
}

static void values_are_quoted(void **state)
{
    struct helper_request request = {.channel = text_of("12")};
    char bytes[100];
    struct helper_reply reply = {.bytes = bytes, .size = sizeof(bytes)};

    (void)state;
    helper_reply_begin(&reply, &request, "ERR");
    assert_true(
        helper_reply_pair(&reply, "message", text_of("a \"b\" \\ c\n\t\177\xc3\xa4")));
    assert_true(helper_reply_pair(&reply, "key_", text_of("")));
    assert_true(
        text_equals((struct text){reply.bytes, reply.length},
                    "12 ERR message=\"a \\\"b\\\" \\\\ c???\xc3\xa4\" key_=\"\""));
    request.channel.length = 0;
    helper_reply_broken(&reply, &request, "why");
    assert_true(
        text_equals((struct text){reply.bytes, reply.length}, "BH message=\"why\""));
}

static void what_has_no_room_is_left_out(void **state)
{
    struct helper_request request = {.channel = text_of("12")};
    char bytes[24];
    struct helper_reply reply = {.bytes = bytes, .size = sizeof(bytes)};

    (void)state;
    helper_reply_begin(&reply, &request, "OK");
    assert_false(helper_reply_pair(&reply, "key_", text_of("much too long")));
    assert_true(helper_reply_pair(&reply, "k_", text_of("short")));
    assert_true(
        text_equals((struct text){reply.bytes, reply.length}, "12 OK k_=\"short\""));
}

static const struct CMUnitTest helper_line_tests[] = {
    UNIT_TEST(takes_the_channel_off_as_it_came),
    UNIT_TEST(fields_are_between_runs_of_blanks),
    UNIT_TEST(escapes_are_resolved_once),
    UNIT_TEST(values_are_quoted),
    UNIT_TEST(what_has_no_room_is_left_out),
};
UNIT_MAIN(helper_line_tests)
