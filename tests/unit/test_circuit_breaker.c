/* SPDX-License-Identifier: Apache-2.0 */
/* When a server that fails is left alone, and when it is asked again. */
#include "tests/unit/unit.h"
#include "libreplica/net/circuit_breaker.h"

#define SECOND ((apr_time_t)APR_USEC_PER_SEC)

static void note_failures(struct circuit_breaker *breaker, int times, apr_time_t now)
{
    for (int i = 0; i < times; i++)
        circuit_breaker_note(breaker, false, now);
}

static void a_few_failures_in_a_row_open_it(void **state)
{
    struct circuit_breaker breaker;

    circuit_breaker_init(&breaker);
    note_failures(&breaker, 3, SECOND);
    assert_true(circuit_breaker_is_due(&breaker, SECOND));
    assert_false(breaker.is_open);
    note_failures(&breaker, 1, SECOND);
    assert_true(breaker.is_open);
    assert_false(circuit_breaker_is_due(&breaker, SECOND));
}

static void a_success_in_between_starts_the_count_over(void **state)
{
    struct circuit_breaker breaker;

    circuit_breaker_init(&breaker);
    for (int i = 0; i < 10; i++) {
        note_failures(&breaker, 3, SECOND);
        circuit_breaker_note(&breaker, true, SECOND);
    }
    assert_false(breaker.is_open);
}

static void after_the_rest_one_request_probes(void **state)
{
    struct circuit_breaker breaker;

    circuit_breaker_init(&breaker);
    assert_false(circuit_breaker_begin(&breaker));
    note_failures(&breaker, 4, 0);
    assert_false(circuit_breaker_is_due(&breaker, 2 * SECOND - 1));
    assert_true(circuit_breaker_is_due(&breaker, 2 * SECOND));
    assert_true(circuit_breaker_begin(&breaker));
    assert_false(circuit_breaker_is_due(&breaker, 1000 * SECOND));
    circuit_breaker_note(&breaker, true, 3 * SECOND);
    assert_true(circuit_breaker_is_due(&breaker, 3 * SECOND));
    assert_false(breaker.is_open);
}

static void failed_probes_double_the_rest_up_to_a_bound(void **state)
{
    struct circuit_breaker breaker;
    apr_time_t now = 0, rest = 2 * SECOND;

    circuit_breaker_init(&breaker);
    note_failures(&breaker, 4, now);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(breaker.rests_until - now, rest);
        now = breaker.rests_until;
        assert_true(circuit_breaker_begin(&breaker));
        circuit_breaker_note(&breaker, false, now);
        rest = 2 * rest < 300 * SECOND ? 2 * rest : 300 * SECOND;
    }
    circuit_breaker_note(&breaker, true, now);
    note_failures(&breaker, 4, now);
    assert_int_equal(breaker.rests_until - now, 2 * SECOND);
}

static void what_was_under_way_when_it_opened_does_not_lengthen_the_rest(void **state)
{
    struct circuit_breaker breaker;

    circuit_breaker_init(&breaker);
    note_failures(&breaker, 64, SECOND);
    assert_int_equal(breaker.rests_until, 3 * SECOND);
}

static void a_probe_that_tells_nothing_makes_room_for_another(void **state)
{
    struct circuit_breaker breaker;

    circuit_breaker_init(&breaker);
    note_failures(&breaker, 4, 0);
    circuit_breaker_begin(&breaker);
    circuit_breaker_forget_probe(&breaker);
    assert_true(circuit_breaker_is_due(&breaker, 2 * SECOND));
    assert_true(breaker.is_open);
}

static void one_in_trouble_rests_from_the_start(void **state)
{
    struct circuit_breaker breaker = {0};

    circuit_breaker_trip(&breaker, SECOND);
    assert_true(breaker.is_open);
    assert_false(circuit_breaker_is_due(&breaker, 2 * SECOND));
    assert_true(circuit_breaker_is_due(&breaker, 3 * SECOND));
    circuit_breaker_trip(&breaker, 3 * SECOND);
    assert_true(circuit_breaker_is_due(&breaker, 3 * SECOND));
}

static const struct CMUnitTest circuit_breaker_tests[] = {
    UNIT_TEST(a_few_failures_in_a_row_open_it),
    UNIT_TEST(a_success_in_between_starts_the_count_over),
    UNIT_TEST(after_the_rest_one_request_probes),
    UNIT_TEST(failed_probes_double_the_rest_up_to_a_bound),
    UNIT_TEST(what_was_under_way_when_it_opened_does_not_lengthen_the_rest),
    UNIT_TEST(a_probe_that_tells_nothing_makes_room_for_another),
    UNIT_TEST(one_in_trouble_rests_from_the_start),
};

UNIT_MAIN(circuit_breaker_tests)
