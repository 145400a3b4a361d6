/* SPDX-License-Identifier: Apache-2.0 */
/* Dates: the padded day, every month, and only the one form. */
#include "tests/unit/unit.h"
#include "libreplica/base/date.h"

static void pads_the_day_with_a_blank(void **state)
{
    char text[DATE_UTC_SIZE];

    date_format_utc(text, apr_time_from_sec(1691056803));
    assert_string_equal(text, "Thu Aug  3 10:00:03 UTC 2023");
    date_format_utc(text, apr_time_from_sec(1795173907));
    assert_string_equal(text, "Fri Nov 20 11:25:07 UTC 2026");
    date_format_compact(text, apr_time_from_sec(1691056803));
    assert_string_equal(text, "20230803100003");
    date_format_iso(text, apr_time_from_sec(1691056803));
    assert_string_equal(text, "2023-08-03T10:00:03Z");
}

static void reads_back_every_day_of_two_years(void **state)
{
    char text[DATE_UTC_SIZE];
    apr_time_t when;

    for (apr_time_t s = 1700000000; s < 1700000000 + 731 * 86400; s += 86399) {
        date_format_utc(text, apr_time_from_sec(s));
        assert_true(date_parse_utc(&when, text_of(text)));
        assert_true(when == apr_time_from_sec(s));
        strcat(text, "\n");
        assert_true(date_parse_utc(&when, text_of(text)));
        date_format_compact(text, apr_time_from_sec(s));
        assert_true(date_parse_compact(&when, text_of(text)));
        assert_true(when == apr_time_from_sec(s));
    }
}

static void refuses_other_forms(void **state)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "Fri Nov 20 11:25:07 CET 2026",
                                      "Fri Nov 31 11:25:07 UTC 2026",
                                      "Fri Nov 20 11:25:07 UTC 2026 ",
                                      "Fri Nov 20 24:25:07 UTC 2026",
                                      "Fri Nov 0x 11:25:07 UTC 2026",
                                      "Fri Foo 20 11:25:07 UTC 2026",
                                      "Fri Feb 29 11:25:07 UTC 2026"};
    static const char *const bad_compact[] = {"",
                                              "2023080310000",
                                              "202308031000030",
                                              "20231303100003",
                                              " 0230803100003",
                                              "20230803240003"};
    apr_time_t when;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (date_parse_utc(&when, text_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
    for (size_t i = 0; i < sizeof(bad_compact) / sizeof(*bad_compact); i++)
        if (date_parse_compact(&when, text_of(bad_compact[i])))
            fail_msg("accepted '%s'", bad_compact[i]);
}

static const struct CMUnitTest date_tests[] = {
    UNIT_TEST(pads_the_day_with_a_blank),
    UNIT_TEST(reads_back_every_day_of_two_years),
    UNIT_TEST(refuses_other_forms),
};

UNIT_MAIN(date_tests)
