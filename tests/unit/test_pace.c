/* SPDX-License-Identifier: Apache-2.0 */
/* A rate: bytes are counted against a clock that the test turns. */
#include "tests/unit/unit.h"
#include "libreplica/base/pace.h"

#define START apr_time_from_sec(1700000000)

static void waits_as_long_as_the_bytes_take(void **state)
{
    struct pace pace = {.bytes_per_second = 1000};
    apr_time_t now = START;
    int64_t bytes = 0;

    while (now < START + apr_time_from_sec(100)) {
        now += pace_delay(&pace, 16, now) + 1000; /* a millisecond of work */
        bytes += 16;
    }
    assert_in_range(bytes, 99000, 100100);
}

static void an_idle_hour_is_not_made_up_for(void **state)
{
    struct pace pace = {.bytes_per_second = 1000};
    apr_time_t now = START + apr_time_from_sec(3600);

    pace_delay(&pace, 1000, START);
    assert_int_equal(pace_delay(&pace, 500, now), APR_USEC_PER_SEC / 2);
}

static void a_clock_that_is_set_back_does_not_stop_it(void **state)
{
    struct pace pace = {.bytes_per_second = 1000};

    pace_delay(&pace, 1000, START);
    assert_int_equal(pace_delay(&pace, 1000, START - apr_time_from_sec(9999)),
                     APR_USEC_PER_SEC);
}

static void huge_pieces_do_not_overflow(void **state)
{
    struct pace pace = {.bytes_per_second = 1};

    assert_true(pace_delay(&pace, INT64_C(1) << 40, START) > 0);
    pace.bytes_per_second = INT64_MAX;
    pace.next = 0;
    assert_int_equal(pace_delay(&pace, 1 << 30, START), 0);
}

static const struct CMUnitTest pace_tests[] = {
    UNIT_TEST(waits_as_long_as_the_bytes_take),
    UNIT_TEST(an_idle_hour_is_not_made_up_for),
    UNIT_TEST(a_clock_that_is_set_back_does_not_stop_it),
    UNIT_TEST(huge_pieces_do_not_overflow),
};

UNIT_MAIN(pace_tests)
