/* SPDX-License-Identifier: Apache-2.0 */
/* When whitelists are looked at, when they are due, and when there is an alert. */
#include "tests/unit/unit.h"
#include "libreplica/operate/renew_whitelist.h"
#include "snapshotd/sign_plan.h"

#define NOW    apr_time_from_sec(1700000000)
#define DAY    apr_time_from_sec(86400)
#define MINUTE apr_time_from_sec(60)

static const struct error failure = {ERROR_NOT_FOUND, "no key"};
static const struct error busy = {ERROR_BUSY, "busy"};

static void one_is_due_at_half_its_life(void **state)
{
    struct whitelist w = {.created = NOW, .expires = NOW + 30 * DAY};

    assert_false(whitelist_is_due(&w, 30, NOW));
    assert_false(whitelist_is_due(&w, 30, NOW + 15 * DAY - 1));
    assert_true(whitelist_is_due(&w, 30, NOW + 15 * DAY));
    assert_true(whitelist_is_due(&w, 30, NOW + 300 * DAY));
    assert_false(whitelist_is_due(&w, 30, NOW - 300 * DAY));
}

static void one_is_never_replaced_by_one_that_ends_sooner(void **state)
{
    struct whitelist w = {.created = NOW, .expires = NOW + 365 * DAY};

    assert_false(whitelist_is_due(&w, 30, NOW + 200 * DAY));
    assert_false(whitelist_is_due(&w, 30, NOW + 335 * DAY));
    assert_true(whitelist_is_due(&w, 30, NOW + 336 * DAY));
}

static void failures_make_the_next_look_later_and_later(void **state)
{
    static const int minutes[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct sign_entry entry = {0};

    for (size_t i = 0; i < sizeof(minutes) / sizeof(*minutes); i++) {
        apr_time_t pause;

        assert_int_equal(
            sign_entry_take(&entry, NOW + 20 * DAY, &failure, 12345678901 * i, NOW),
            SIGN_NO_NEWS);
        pause = entry.next_look - NOW;
        assert_true(pause >= minutes[i] * MINUTE * 9 / 10);
        assert_true(pause <= minutes[i] * MINUTE * 11 / 10);
        assert_string_equal(entry.problem.message, "no key");
    }
    sign_entry_take(&entry, NOW + 20 * DAY, NULL, 0, NOW);
    assert_true(entry.next_look == NOW + 9 * MINUTE);
    assert_int_equal(entry.failures, 0);
    assert_string_equal(entry.problem.message, "");
}

static void there_is_one_alert_and_one_end_of_it(void **state)
{
    struct sign_entry entry = {0};

    assert_int_equal(sign_entry_take(&entry, NOW + 9 * DAY, &failure, 0, NOW),
                     SIGN_NO_NEWS);
    assert_false(entry.is_alert);
    assert_int_equal(sign_entry_take(&entry, NOW + 9 * DAY, &failure, 0, NOW + DAY),
                     SIGN_ALERT);
    assert_int_equal(sign_entry_days_left(&entry, NOW + DAY), 8);
    assert_int_equal(sign_entry_take(&entry, NOW + 9 * DAY, &failure, 0, NOW + 20 * DAY),
                     SIGN_NO_NEWS);
    assert_int_equal(sign_entry_days_left(&entry, NOW + 20 * DAY), 0);
    assert_int_equal(sign_entry_take(&entry, NOW + 50 * DAY, NULL, 0, NOW + 20 * DAY),
                     SIGN_ALERT_ENDED);
    assert_int_equal(sign_entry_take(&entry, NOW + 50 * DAY, NULL, 0, NOW + 20 * DAY),
                     SIGN_NO_NEWS);
}

static void a_held_lock_is_trouble_only_when_time_runs_out(void **state)
{
    struct sign_entry entry = {0};

    sign_entry_take(&entry, NOW + 14 * DAY, &busy, 0, NOW);
    assert_string_equal(entry.problem.message, "");
    assert_true(entry.next_look < NOW + MINUTE);
    assert_int_equal(sign_entry_take(&entry, NOW + 7 * DAY, &busy, 0, NOW), SIGN_ALERT);
    assert_string_equal(entry.problem.message, "busy");
    assert_int_equal(entry.failures, 0);
}

static void the_next_one_is_whoever_is_due_whatever_the_clock_did(void **state)
{
    apr_array_header_t *entries =
        apr_array_make(unit_pool(state), 2, sizeof(struct sign_entry *));
    struct sign_entry first = {.next_look = NOW + MINUTE};
    struct sign_entry second = {.next_look = NOW + 2 * MINUTE};
    apr_time_t wake = NOW + DAY;

    APR_ARRAY_PUSH(entries, struct sign_entry *) = &second;
    APR_ARRAY_PUSH(entries, struct sign_entry *) = &first;
    assert_null(sign_plan_next(entries, NOW, &wake));
    assert_true(wake == NOW + MINUTE);
    assert_ptr_equal(sign_plan_next(entries, NOW + MINUTE, &wake), &first);
    assert_ptr_equal(sign_plan_next(entries, NOW - DAY, &wake), &second);
    assert_true(wake == NOW - DAY);
}

static const struct CMUnitTest sign_plan_tests[] = {
    UNIT_TEST(one_is_due_at_half_its_life),
    UNIT_TEST(one_is_never_replaced_by_one_that_ends_sooner),
    UNIT_TEST(failures_make_the_next_look_later_and_later),
    UNIT_TEST(there_is_one_alert_and_one_end_of_it),
    UNIT_TEST(a_held_lock_is_trouble_only_when_time_runs_out),
    UNIT_TEST(the_next_one_is_whoever_is_due_whatever_the_clock_did),
};

UNIT_MAIN(sign_plan_tests)
