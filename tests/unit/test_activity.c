/* SPDX-License-Identifier: Apache-2.0 */
/* Activity messages: what the reference's tool sends is read, and nothing doubtful. */
#include "tests/unit/unit.h"
#include "libreplica/base/date.h"
#include "libreplica/format/activity.h"

/* "manifest" */
#define DIGITS "bWFuaWZlc3Q="
#define MESSAGE(version, timestamp, type, repository, manifest)                          \
    "{ \"version\" : " version ", \"timestamp\" : \"" timestamp "\", \"type\" : \"" type \
    "\", \"repository\" : \"" repository "\", \"manifest\" : \"" manifest "\"}"
#define GOOD MESSAGE("1", "26 Oct 2021 15:00:00", "activity", "a.example.org", DIGITS)

static void what_the_stock_tool_sends_is_read(void **state)
{
    struct activity *activity;
    struct error error;
    apr_time_t when;

    assert_ok(activity_parse(&activity, text_of(GOOD), unit_pool(state), &error), &error);
    assert_string_equal(activity->fqrn, "a.example.org");
    assert_true(text_equals(activity->manifest, "manifest"));
    assert_true(date_parse_iso(&when, text_of("2021-10-26T15:00:00Z")));
    assert_true(activity->time == when);
}

static void it_is_written_in_one_short_line(void **state)
{
    static const char expected[] =
        "{\"version\":1,\"timestamp\":\"3 Jan 2026 04:05:06\",\"type\":\"activity\","
        "\"repository\":\"a.example.org\",\"manifest\":\"AP8K\"}";
    struct activity activity = {.fqrn = "a.example.org", .manifest = {"\0\xff\n", 3}},
                    *read;
    struct error error;
    struct text text;

    assert_true(date_parse_iso(&activity.time, text_of("2026-01-03T04:05:06Z")));
    text = activity_format(&activity, unit_pool(state));
    assert_true(text_equals(text, expected));
    assert_ok(activity_parse(&read, text, unit_pool(state), &error), &error);
    assert_true(text_is_same(read->manifest, activity.manifest));
    assert_true(read->time == activity.time);
}

static void members_that_are_unknown_are_passed_over(void **state)
{
    static const char text[] = "{\"more\":[1,{}],\"version\":1,\"type\":\"activity\","
                               "\"timestamp\":\"1 Jan 2026 00:00:00\","
                               "\"repository\":\"a\",\"manifest\":\"" DIGITS "\"}";
    struct activity *activity;

    assert_true(activity_parse(&activity, text_of(text), unit_pool(state), NULL));
}

static void days_have_one_digit_or_two(void **state)
{
    static const char *const good[] = {"1 Jan 2026 00:00:00", "01 Jan 2026 00:00:00",
                                       "29 Feb 2024 23:59:59"};
    static const char *const bad[] = {"",
                                      "1 Jan 2026",
                                      "0 Jan 2026 00:00:00",
                                      "30 Feb 2024 00:00:00",
                                      "1 jan 2026 00:00:00",
                                      "1 Jan 2026 24:00:00",
                                      "001 Jan 2026 00:00:00",
                                      " 1 Jan 2026 00:00:00",
                                      "1 Jan 2026 00:00:00 ",
                                      "1 Jan 2026T00:00:00"};
    apr_time_t when;

    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(date_parse_message(&when, text_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (date_parse_message(&when, text_of(bad[i])))
            fail_msg("'%s' is taken", bad[i]);
}

static void everything_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{",
        GOOD "x",
        "\"activity\"",
        MESSAGE("2", "1 Jan 2026 00:00:00", "activity", "a", DIGITS),
        MESSAGE("\"1\"", "1 Jan 2026 00:00:00", "activity", "a", DIGITS),
        MESSAGE("1.0", "1 Jan 2026 00:00:00", "activity", "a", DIGITS),
        MESSAGE("1", "yesterday", "activity", "a", DIGITS),
        MESSAGE("1", "1 Jan 2026 00:00:00", "Activity", "a", DIGITS),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "../a", DIGITS),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "", DIGITS),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a\\u0000b", DIGITS),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", ""),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", "bWFuaWZlc3Q"),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", "bWFuaWZlc3R="),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", " bWFuaWZlc3Q="),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", "bWFu\\naWZlc3Q="),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", "bWFuaWZl!3Q="),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", "===="),
        MESSAGE("1", "1 Jan 2026 00:00:00", "activity", "a", DIGITS "\",\"version\":\"1"),
    };
    struct activity *activity;
    struct error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (activity_parse(&activity, text_of(bad[i]), unit_pool(state), &error))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static void a_huge_one_is_refused(void **state)
{
    size_t length = ACTIVITY_SIZE_MAX + 1;
    char *bytes = memset(apr_palloc(unit_pool(state), length), ' ', length);
    struct activity *activity;
    struct error error;

    assert_false(activity_parse(&activity, (struct text){bytes, length}, unit_pool(state),
                                &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static const struct CMUnitTest activity_tests[] = {
    UNIT_TEST(what_the_stock_tool_sends_is_read),
    UNIT_TEST(it_is_written_in_one_short_line),
    UNIT_TEST(members_that_are_unknown_are_passed_over),
    UNIT_TEST(days_have_one_digit_or_two),
    UNIT_TEST(everything_else_is_refused),
    UNIT_TEST(a_huge_one_is_refused),
};
UNIT_MAIN(activity_tests)
