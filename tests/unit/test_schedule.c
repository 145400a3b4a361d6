/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule: who is next, when to look again, who is forgotten. */
#include "tests/unit/unit.h"
#include "snapshotd/schedule.h"

#define INTERVAL apr_time_from_sec(300)
#define NOW      apr_time_from_sec(1000000)

static struct schedule_entry *see(struct schedule *schedule, const char *name,
                                  apr_time_t last_snapshot, apr_time_t interval,
                                  apr_time_t now)
{
    struct schedule_replica replica = {.local_name = name,
                                       .upstream = "s0.example.net",
                                       .interval = interval,
                                       .last_snapshot = last_snapshot};

    return schedule_see(schedule, &replica, now);
}

static void assert_next(struct schedule *schedule, const char *name, apr_time_t now)
{
    apr_time_t wake;
    struct schedule_entry *entry = schedule_next(schedule, 0, now, &wake);

    assert_non_null(entry);
    assert_string_equal(entry->local_name, name);
}

static void the_oldest_that_is_due_comes_first(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *entry;
    apr_time_t wake;

    see(schedule, "fresh", NOW - 10, INTERVAL, NOW);
    see(schedule, "old", NOW - 2 * INTERVAL, INTERVAL, NOW);
    see(schedule, "older", NOW - 3 * INTERVAL, INTERVAL, NOW);
    entry = see(schedule, "never", 0, INTERVAL, NOW);
    assert_next(schedule, "never", NOW);
    entry->is_running = true;
    assert_next(schedule, "older", NOW);
    schedule_ran(entry, true, INTERVAL, 0, NOW);
    entry = schedule_next(schedule, 0, NOW, &wake);
    schedule_ran(entry, true, INTERVAL, 0, NOW);
    assert_next(schedule, "old", NOW);
    entry = schedule_next(schedule, 0, NOW, &wake);
    entry->is_running = true;
    assert_null(schedule_next(schedule, 0, NOW, &wake));
}

static void one_that_ended_with_the_daemon_lets_the_others_go_first(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *cut = see(schedule, "cut", 0, INTERVAL, NOW);

    cut->was_cut = true;
    see(schedule, "old", NOW - 2 * INTERVAL, INTERVAL, NOW);
    see(schedule, "cut", 0, INTERVAL, NOW);
    assert_next(schedule, "old", NOW);
    schedule_ran(see(schedule, "old", NOW, INTERVAL, NOW), true, INTERVAL, 0, NOW);
    assert_next(schedule, "cut", NOW);
    schedule_ran(cut, false, INTERVAL, 0, NOW);
    assert_false(cut->was_cut);
}

static void looks_again_when_the_next_one_is_due(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    apr_time_t wake;

    assert_null(schedule_next(schedule, 0, NOW, &wake));
    assert_true(wake > NOW && wake <= NOW + apr_time_from_sec(10));
    see(schedule, "a", NOW - INTERVAL + apr_time_from_sec(3), INTERVAL, NOW);
    assert_null(schedule_next(schedule, 0, NOW, &wake));
    assert_int_equal(wake, NOW + apr_time_from_sec(3));
    assert_next(schedule, "a", wake);
}

static void a_run_puts_the_next_one_off_by_an_interval_give_or_take(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *entry = see(schedule, "a", 0, INTERVAL, NOW);
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
    struct schedule_entry *entry = see(schedule, "a", 5, INTERVAL, NOW);
    struct schedule_entry *other = see(schedule, "b", 6, INTERVAL, NOW);

    entry->is_running = true;
    schedule_ran(entry, false, INTERVAL, 0, NOW);
    assert_false(entry->is_running);
    assert_int_equal(entry->last_snapshot, 5);
    assert_next(schedule, "b", NOW);
    schedule_ran(other, true, INTERVAL, 0, NOW);
    assert_next(schedule, "a", NOW + 2 * INTERVAL);
}

static void what_the_configuration_no_longer_names_is_forgotten(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *running;

    see(schedule, "gone", 0, INTERVAL, NOW);
    running = see(schedule, "running", 0, INTERVAL, NOW);
    see(schedule, "kept", 0, INTERVAL, NOW);
    schedule_forget_unseen(schedule);
    assert_int_equal(schedule->entries->nelts, 3);
    see(schedule, "kept", 0, INTERVAL, NOW);
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
    entry = see(schedule, "future", NOW + 100 * INTERVAL, INTERVAL, NOW);
    assert_true(entry->next_start <= NOW + INTERVAL);
    /* A shorter interval counts at once. */
    schedule_ran(entry, true, 100 * INTERVAL, 0, NOW);
    see(schedule, "future", NOW, INTERVAL, NOW);
    assert_true(entry->next_start <= NOW + INTERVAL + INTERVAL / 10);
}

static void the_higher_priority_goes_first_but_nobody_waits_for_ever(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_replica high = {"high", "s0", 3, INTERVAL, NOW - INTERVAL};
    struct schedule_replica low = {"low", "s0", -2, INTERVAL, NOW - 3 * INTERVAL};
    struct schedule_entry *entry;

    schedule_see(schedule, &high, NOW);
    schedule_see(schedule, &low, NOW);
    assert_next(schedule, "high", NOW);
    /* The high one is always due anew, the low one waits on. */
    entry = schedule_see(schedule, &high, NOW);
    entry->next_start = NOW + 4 * INTERVAL;
    assert_next(schedule, "low", NOW + 4 * INTERVAL);
}

static void an_upstream_serves_only_so_many_at_once(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_replica busy = {"a", "busy", 0, INTERVAL, 0};
    struct schedule_replica idle = {"z", "idle", -10, INTERVAL, NOW - INTERVAL};
    apr_time_t wake;

    schedule_see(schedule, &busy, NOW)->is_running = true;
    busy.local_name = "b";
    schedule_see(schedule, &busy, NOW)->is_running = true;
    busy.local_name = "c";
    schedule_see(schedule, &busy, NOW);
    schedule_see(schedule, &idle, NOW);
    assert_string_equal(schedule_next(schedule, 0, NOW, &wake)->local_name, "c");
    assert_string_equal(schedule_next(schedule, 3, NOW, &wake)->local_name, "c");
    assert_string_equal(schedule_next(schedule, 2, NOW, &wake)->local_name, "z");
    schedule_see(schedule, &idle, NOW)->is_running = true;
    assert_null(schedule_next(schedule, 2, NOW, &wake));
}

static void an_upstream_may_change(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_replica replica = {"a", "before", 0, INTERVAL, 0};

    schedule_see(schedule, &replica, NOW);
    replica.upstream = "after";
    assert_string_equal(schedule_see(schedule, &replica, NOW)->upstream, "after");
    assert_int_equal(schedule->entries->nelts, 1);
}

static void everybody_has_a_place_in_the_line(void **state)
{
    struct schedule *schedule = schedule_create(unit_pool(state));
    struct schedule_entry *second = see(schedule, "b", NOW - 2 * INTERVAL, INTERVAL, NOW);
    struct schedule_entry *first = see(schedule, "a", NOW - 3 * INTERVAL, INTERVAL, NOW);
    struct schedule_entry *later = see(schedule, "c", NOW, INTERVAL, NOW);

    assert_int_equal(schedule_place(schedule, first, NOW), 0);
    assert_int_equal(schedule_place(schedule, second, NOW), 1);
    assert_int_equal(schedule_place(schedule, later, NOW), -1);
    first->is_running = true;
    assert_int_equal(schedule_place(schedule, first, NOW), -1);
    assert_int_equal(schedule_place(schedule, second, NOW), 0);
}

static const struct CMUnitTest schedule[] = {
    UNIT_TEST(the_higher_priority_goes_first_but_nobody_waits_for_ever),
    UNIT_TEST(an_upstream_serves_only_so_many_at_once),
    UNIT_TEST(an_upstream_may_change),
    UNIT_TEST(everybody_has_a_place_in_the_line),
    UNIT_TEST(the_oldest_that_is_due_comes_first),
    UNIT_TEST(one_that_ended_with_the_daemon_lets_the_others_go_first),
    UNIT_TEST(looks_again_when_the_next_one_is_due),
    UNIT_TEST(a_run_puts_the_next_one_off_by_an_interval_give_or_take),
    UNIT_TEST(a_failure_keeps_its_place_in_the_order_but_waits_too),
    UNIT_TEST(what_the_configuration_no_longer_names_is_forgotten),
    UNIT_TEST(times_that_cannot_be_do_not_stop_it),
};
UNIT_MAIN(schedule)
