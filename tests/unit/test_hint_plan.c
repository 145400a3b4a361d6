/* SPDX-License-Identifier: Apache-2.0 */
/* Hints of newer revisions: when they start a run, and when they do not. */
#include "tests/unit/unit.h"
#include "snapshotd/hint_plan.h"

#define SECOND apr_time_from_sec(1)
#define NOW    apr_time_from_sec(1000000)

static void a_verified_hint_starts_a_run_at_once(void **state)
{
    struct hint_plan plan = {0};

    assert_int_equal(hint_plan_take(&plan, 5, true, false, NOW), NOW);
    assert_true(plan.is_told);
    assert_int_equal(hint_plan_take(&plan, 5, true, false, NOW), 0);
    assert_int_equal(hint_plan_take(&plan, 4, true, false, NOW), 0);
    assert_int_equal(hint_plan_ran(&plan, 5, NOW, NOW + 1), 0);
    assert_false(plan.is_told);
    assert_int_equal(hint_plan_take(&plan, 6, true, false, NOW + 1), NOW + SECOND / 5);
    /* Not kept: the next one has to wait longer. */
    assert_int_equal(hint_plan_ran(&plan, 5, NOW + 2, NOW + 2), NOW + 2 + SECOND / 5);
    assert_int_equal(hint_plan_take(&plan, 7, true, false, NOW + 3), NOW + 2 + SECOND);
}

static void one_that_comes_while_a_run_is_under_way_starts_one_more(void **state)
{
    struct hint_plan plan = {0};

    assert_int_equal(hint_plan_take(&plan, 5, true, true, NOW), 0);
    assert_int_equal(hint_plan_ran(&plan, 4, NOW - 5 * SECOND, NOW), NOW);
    assert_int_equal(hint_plan_ran(&plan, 5, NOW, NOW + 1), 0);
    /* The run had it already. */
    assert_int_equal(hint_plan_take(&plan, 6, true, true, NOW), 0);
    assert_int_equal(hint_plan_ran(&plan, 6, NOW, NOW + 1), 0);
    assert_false(plan.is_told);
}

static void a_revision_that_is_not_there_yet_is_looked_for_a_few_times(void **state)
{
    struct hint_plan plan = {0};
    apr_time_t now = NOW, next;
    int runs = 0;

    next = hint_plan_take(&plan, 5, true, false, now);
    while (next != 0 && runs < 100) {
        runs++;
        now = next + 1000;
        next = hint_plan_ran(&plan, 4, next, now);
        assert_true(next == 0 || (next > now && next <= now + 2 * SECOND));
    }
    assert_int_equal(runs, 5);
    /* From now on it is doubtful. */
    assert_int_equal(hint_plan_take(&plan, 5, true, false, now), now + SECOND - 1000);
    assert_int_equal(hint_plan_ran(&plan, 4, now, now), 0);
    assert_int_equal(hint_plan_take(&plan, 5, true, false, now + SECOND), 0);
    assert_int_equal(hint_plan_take(&plan, 6, true, false, now + SECOND), now + SECOND);
}

static void what_cannot_be_verified_costs_a_run_a_minute(void **state)
{
    struct hint_plan plan = {0};

    assert_int_equal(hint_plan_take(&plan, INT64_MAX, false, false, NOW), NOW);
    assert_int_equal(hint_plan_ran(&plan, 4, NOW, NOW), 0);
    for (int i = 1; i < 60; i++)
        assert_int_equal(
            hint_plan_take(&plan, INT64_MAX - i, false, false, NOW + i * SECOND), 0);
    assert_int_equal(hint_plan_take(&plan, 7, false, false, NOW + 60 * SECOND),
                     NOW + 60 * SECOND);
    /* It does not stand in the way of what is true. */
    assert_int_equal(hint_plan_take(&plan, 5, true, false, NOW + 61 * SECOND),
                     NOW + 61 * SECOND);
    assert_int_equal(plan.wanted, 5);
}

static void a_clock_that_was_set_back_stops_nothing(void **state)
{
    struct hint_plan plan = {0};

    hint_plan_take(&plan, 5, false, false, NOW);
    hint_plan_ran(&plan, 4, NOW, NOW);
    assert_int_equal(hint_plan_take(&plan, 5, false, false, NOW / 2), NOW / 2);
    assert_int_equal(hint_plan_take(&plan, 6, true, false, NOW / 2), NOW / 2);
}

static const struct CMUnitTest hint_plan[] = {
    UNIT_TEST(a_verified_hint_starts_a_run_at_once),
    UNIT_TEST(one_that_comes_while_a_run_is_under_way_starts_one_more),
    UNIT_TEST(a_revision_that_is_not_there_yet_is_looked_for_a_few_times),
    UNIT_TEST(what_cannot_be_verified_costs_a_run_a_minute),
    UNIT_TEST(a_clock_that_was_set_back_stops_nothing),
};
UNIT_MAIN(hint_plan)
