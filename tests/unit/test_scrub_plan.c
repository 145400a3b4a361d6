/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon scrubs next. */
#include "tests/unit/unit.h"
#include "snapshotd/scrub_plan.h"

#define NOW apr_time_from_sec(1700000000)
#define DAY apr_time_from_sec(86400)

static struct scrub_entry first, second;

static enum scrub_work plan(void **state, const char **name, bool reads)
{
    apr_array_header_t *entries =
        apr_array_make(unit_pool(state), 2, sizeof(struct scrub_entry *));
    struct scrub_entry *entry = NULL;
    enum scrub_work work;

    APR_ARRAY_PUSH(entries, struct scrub_entry *) = &first;
    APR_ARRAY_PUSH(entries, struct scrub_entry *) = &second;
    work = scrub_plan_next(&entry, entries, reads, 7 * DAY, NOW);
    *name = entry != NULL ? entry->local_name : "";
    return work;
}

static void begin(void)
{
    first = (struct scrub_entry){.local_name = "first", .is_served = true};
    second = (struct scrub_entry){.local_name = "second", .is_served = true};
}

static void the_one_longest_unread_is_next_once_it_is_time(void **state)
{
    const char *name;

    begin();
    first.last_ended = NOW - 8 * DAY;
    second.last_ended = NOW - 9 * DAY;
    assert_int_equal(plan(state, &name, true), SCRUB_READS);
    assert_string_equal(name, "second");
    assert_int_equal(plan(state, &name, false), SCRUB_NOTHING);
    first.last_ended = second.last_ended = NOW - 6 * DAY;
    assert_int_equal(plan(state, &name, true), SCRUB_NOTHING);
}

static void a_round_that_began_goes_on(void **state)
{
    const char *name;

    begin();
    first.is_in_round = true;
    first.last_ended = NOW - DAY;
    assert_int_equal(plan(state, &name, true), SCRUB_READS);
    assert_string_equal(name, "first");
    first.next_read = NOW + 1; /* it failed */
    plan(state, &name, true);
    assert_string_equal(name, "second");
}

static void repairs_and_reports_go_before_reading(void **state)
{
    const char *name;

    begin();
    first.is_in_round = true;
    second.open = 3;
    assert_int_equal(plan(state, &name, true), SCRUB_TRIES);
    assert_string_equal(name, "second");
    first.reported_count = 1;
    assert_int_equal(plan(state, &name, false), SCRUB_REPORTS);
    assert_string_equal(name, "first");
    first.next_look = second.next_try = NOW + 1;
    assert_int_equal(plan(state, &name, true), SCRUB_READS);
}

static void one_without_a_snapshot_is_left_alone(void **state)
{
    const char *name;

    begin();
    first.is_served = second.is_served = false;
    first.reported_count = 1;
    assert_int_equal(plan(state, &name, true), SCRUB_NOTHING);
}

static void reports_are_kept_sorted_once_and_bounded(void **state)
{
    struct object object = {{HASH_SHA1, {0}}, OBJECT_FILE};

    begin();
    for (int i = SCRUB_REPORTED_MAX + 10; i > 0; i--) {
        object.hash.digest[0] = (unsigned char)(i >> 8);
        object.hash.digest[1] = (unsigned char)i;
        assert_int_equal(scrub_entry_report(&first, &object), i > 10);
        assert_false(scrub_entry_report(&first, &object));
    }
    assert_int_equal(first.reported_count, SCRUB_REPORTED_MAX);
    for (int i = 1; i < SCRUB_REPORTED_MAX; i++)
        assert_true(memcmp(first.reported[i - 1].hash.digest,
                           first.reported[i].hash.digest, HASH_DIGEST_SIZE) < 0);
}

static const struct CMUnitTest scrub_plan_tests[] = {
    UNIT_TEST(the_one_longest_unread_is_next_once_it_is_time),
    UNIT_TEST(a_round_that_began_goes_on),
    UNIT_TEST(repairs_and_reports_go_before_reading),
    UNIT_TEST(one_without_a_snapshot_is_left_alone),
    UNIT_TEST(reports_are_kept_sorted_once_and_bounded),
};

UNIT_MAIN(scrub_plan_tests)
