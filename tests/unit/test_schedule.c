/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: who is next, when to look again, who is forgotten. */
#include "tests/unit/unit.h"
#include "snapshotd/schedule.h"

#define INTERVAL apr_time_from_sec(300)
#define NOW      apr_time_from_sec(1000000)

static void assert_next(struct schedule *schedule, const char *name, apr_time_t now)
{
    apr_time_t wake;
    struct schedule_entry *entry = schedule_next(schedule, now, &wake);

    assert_non_null(entry);
    assert_string_equal(entry->local_name, name);
}

static void the_oldest_that_is_due_comes_first(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *entry;
    apr_time_t wake;

    schedule_see(schedule, "fresh", NOW - 10, INTERVAL, NOW);
    schedule_see(schedule, "old", NOW - 2 * INTERVAL, INTERVAL, NOW);
    schedule_see(schedule, "older", NOW - 3 * INTERVAL, INTERVAL, NOW);
    entry = schedule_see(schedule, "never", 0, INTERVAL, NOW);
    assert_next(schedule, "never", NOW);
    entry->is_running = true;
    assert_next(schedule, "older", NOW);
    schedule_ran(entry, true, INTERVAL, 0, NOW);
    entry = schedule_next(schedule, NOW, &wake);
    schedule_ran(entry, true, INTERVAL, 0, NOW);
    assert_next(schedule, "old", NOW);
    entry = schedule_next(schedule, NOW, &wake);
    entry->is_running = true;
    assert_null(schedule_next(schedule, NOW, &wake));
}

static void one_that_ended_with_the_daemon_lets_the_others_go_first(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *cut = schedule_see(schedule, "cut", 0, INTERVAL, NOW);

    cut->was_cut = true;
    schedule_see(schedule, "old", NOW - 2 * INTERVAL, INTERVAL, NOW);
    schedule_see(schedule, "cut", 0, INTERVAL, NOW);
    assert_next(schedule, "old", NOW);
    schedule_ran(schedule_see(schedule, "old", NOW, INTERVAL, NOW), true, INTERVAL, 0,
                 NOW);
    assert_next(schedule, "cut", NOW);
    schedule_ran(cut, false, INTERVAL, 0, NOW);
    assert_false(cut->was_cut);
}

static void looks_again_when_the_next_one_is_due(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    apr_time_t wake;

    assert_null(schedule_next(schedule, NOW, &wake));
    assert_true(wake > NOW && wake <= NOW + apr_time_from_sec(10));
    schedule_see(schedule, "a", NOW - INTERVAL + apr_time_from_sec(3), INTERVAL, NOW);
    assert_null(schedule_next(schedule, NOW, &wake));
    assert_int_equal(wake, NOW + apr_time_from_sec(3));
    assert_next(schedule, "a", wake);
}

static void a_run_puts_the_next_one_off_by_an_interval_give_or_take(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *entry = schedule_see(schedule, "a", 0, INTERVAL, NOW);
    apr_time_t least = NOW + 2 * INTERVAL, most = NOW;

    for (uint64_t chance = 1; chance < UINT64_MAX / 3; chance = chance * 3 + 7) {
        schedule_ran(entry, true, INTERVAL, chance, NOW);
        if (entry->next_start < least)
            least = entry->next_start;
        if (entry->next_start > most)
            most = entry->next_start;
    }
    assert_true(least >= NOW + INTERVAL - INTERVAL / 10);
    assert_true(most < NOW + INTERVAL + INTERVAL / 10);
    assert_true(least < NOW + INTERVAL && most > NOW + INTERVAL);
    assert_int_equal(entry->last_snapshot, NOW);
    /* The shortest interval of all has no tenth to divide by. */
    schedule_ran(entry, true, 1, UINT64_MAX, NOW);
    assert_int_equal(entry->next_start, NOW + 1);
}

static void a_failure_keeps_its_place_in_the_order_but_waits_too(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *entry = schedule_see(schedule, "a", 5, INTERVAL, NOW);

    schedule_see(schedule, "b", 6, INTERVAL, NOW);
    entry->is_running = true;
    schedule_ran(entry, false, INTERVAL, 0, NOW);
    assert_false(entry->is_running);
    assert_int_equal(entry->last_snapshot, 5);
    assert_next(schedule, "b", NOW);
    assert_next(schedule, "a", NOW + 2 * INTERVAL);
}

static void what_the_configuration_no_longer_names_is_forgotten(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *running;

    schedule_see(schedule, "gone", 0, INTERVAL, NOW);
    running = schedule_see(schedule, "running", 0, INTERVAL, NOW);
    schedule_see(schedule, "kept", 0, INTERVAL, NOW);
    schedule_forget_unseen(schedule);
    assert_int_equal(schedule->entries->nelts, 3);
    schedule_see(schedule, "kept", 0, INTERVAL, NOW);
    running->is_running = true;
    schedule_forget_unseen(schedule);
    assert_int_equal(schedule->entries->nelts, 2);
    schedule_ran(running, true, INTERVAL, 0, NOW);
    schedule_forget_unseen(schedule);
    assert_int_equal(schedule->entries->nelts, 0);
}

static void times_that_cannot_be_do_not_stop_it(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *entry;

    /* The clock was set back after the last snapshot. */
    entry = schedule_see(schedule, "future", NOW + 100 * INTERVAL, INTERVAL, NOW);
    assert_true(entry->next_start <= NOW + INTERVAL);
    /* A shorter interval counts at once. */
    schedule_ran(entry, true, 100 * INTERVAL, 0, NOW);
    schedule_see(schedule, "future", NOW, INTERVAL, NOW);
    assert_true(entry->next_start <= NOW + INTERVAL + INTERVAL / 10);
}

static const struct CMUnitTest schedule[] = {
    UNIT_TEST(the_oldest_that_is_due_comes_first),
    UNIT_TEST(one_that_ended_with_the_daemon_lets_the_others_go_first),
    UNIT_TEST(looks_again_when_the_next_one_is_due),
    UNIT_TEST(a_run_puts_the_next_one_off_by_an_interval_give_or_take),
    UNIT_TEST(a_failure_keeps_its_place_in_the_order_but_waits_too),
    UNIT_TEST(what_the_configuration_no_longer_names_is_forgotten),
    UNIT_TEST(times_that_cannot_be_do_not_stop_it),
};
UNIT_MAIN(schedule)
