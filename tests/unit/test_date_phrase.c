/* SPDX-License-Identifier: Apache-2.0 */
/* Moments named in words: what is taken, and what is refused. */
#include "tests/unit/unit.h"
#include "libreplica/base/date.h"
#include "libreplica/base/date_phrase.h"

/* Fri Nov 20 11:25:07 UTC 2026 */
#define NOW apr_time_from_sec(1795173907)

static const char *parsed(const char *phrase)
{
    static char text[DATE_UTC_SIZE];
    struct error error;
    apr_time_t when;

    assert_ok(date_phrase_parse(&when, text_of(phrase), NOW, &error), &error);
    date_format_iso(text, when);
    return text;
}

static void knows_distances(void **state)
{
    assert_string_equal(parsed("3 days ago"), "2026-11-17T11:25:07Z");
    assert_string_equal(parsed("1 day ago"), "2026-11-19T11:25:07Z");
    assert_string_equal(parsed("  0  Days  AGO "), "2026-11-20T11:25:07Z");
    assert_string_equal(parsed("36 hours ago"), "2026-11-18T23:25:07Z");
    assert_string_equal(parsed("90 minutes ago"), "2026-11-20T09:55:07Z");
    assert_string_equal(parsed("90 min ago"), "2026-11-20T09:55:07Z");
    assert_string_equal(parsed("8 seconds ago"), "2026-11-20T11:24:59Z");
    assert_string_equal(parsed("2 weeks ago"), "2026-11-06T11:25:07Z");
    assert_string_equal(parsed("a week ago"), "2026-11-13T11:25:07Z");
    assert_string_equal(parsed("an hour ago"), "2026-11-20T10:25:07Z");
    assert_string_equal(parsed("last week"), "2026-11-13T11:25:07Z");
    assert_string_equal(parsed("-3 days"), "2026-11-17T11:25:07Z");
    assert_string_equal(parsed("1000 days ago"), "2024-02-24T11:25:07Z");
}

/* As date(1): a day that the month lacks runs over into the next. */
static void counts_months_in_the_calendar(void **state)
{
    struct error error;
    apr_time_t when;
    char text[DATE_UTC_SIZE];

    assert_string_equal(parsed("1 month ago"), "2026-10-20T11:25:07Z");
    assert_string_equal(parsed("11 months ago"), "2025-12-20T11:25:07Z");
    assert_string_equal(parsed("2 years ago"), "2024-11-20T11:25:07Z");
    assert_ok(date_phrase_parse(&when, text_of("1 month ago"),
                                apr_time_from_sec(1774915200), &error),
              &error);
    date_format_iso(text, when);
    assert_string_equal(text, "2026-03-03T00:00:00Z");
}

static void knows_words_dates_and_seconds(void **state)
{
    assert_string_equal(parsed("now"), "2026-11-20T11:25:07Z");
    assert_string_equal(parsed("yesterday"), "2026-11-19T11:25:07Z");
    assert_string_equal(parsed("@1795173907"), "2026-11-20T11:25:07Z");
    assert_string_equal(parsed("@0"), "1970-01-01T00:00:00Z");
    assert_string_equal(parsed("2024-02-29"), "2024-02-29T00:00:00Z");
    assert_string_equal(parsed("2026-11-01 07:08"), "2026-11-01T07:08:00Z");
    assert_string_equal(parsed("2026-11-01 07:08:09 UTC"), "2026-11-01T07:08:09Z");
    assert_string_equal(parsed("2026-11-01T07:08:09Z"), "2026-11-01T07:08:09Z");
    assert_string_equal(parsed("2026-11-01 utc"), "2026-11-01T00:00:00Z");
    assert_string_equal(parsed("Fri Nov 20 11:25:07 UTC 2026"), "2026-11-20T11:25:07Z");
}

static void refuses_everything_else(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "3",
        "days",
        "ago",
        "3 days",
        "-3 days ago",
        "3 moons ago",
        "3 dayss ago",
        "3.5 days ago",
        "three days ago",
        "3 days ago now",
        "tomorrow",
        "@",
        "@-5",
        "@99999999999999999999",
        "@999999999999",
        "2026-13-01",
        "2026-02-29",
        "2026-2-9",
        "+026-02-09",
        "2026-11-01 7:08",
        "2026-11-01 25:00",
        "2026-11-01 07:08:9",
        "2026-11-01 07:08 CET",
        "2026-11-01T",
        "1000000 years ago",
        "99999999999999999999 days ago",
        "100 years ago",
        "3 days\nago",
        "2026-11-01 07:08:09 UTC and much more than fits here"};
    struct error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        apr_time_t when = 42;

        if (date_phrase_parse(&when, text_of(bad[i]), NOW, &error))
            fail_msg("accepted '%s'", bad[i]);
        assert_int_equal(error.code, ERROR_USAGE);
        assert_int_equal(when, 42);
    }
    assert_non_null(strstr(error.message, "2026-11-01 07:08:09 UTC"));
}

static const struct CMUnitTest date_phrase[] = {
    UNIT_TEST(knows_distances),
    UNIT_TEST(counts_months_in_the_calendar),
    UNIT_TEST(knows_words_dates_and_seconds),
    UNIT_TEST(refuses_everything_else),
};
UNIT_MAIN(date_phrase)
