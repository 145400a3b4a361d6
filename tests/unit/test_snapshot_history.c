/* SPDX-License-Identifier: Apache-2.0 */
/* The history of snapshots: written, read back, cut, damaged. */
#include "tests/unit/unit.h"

#include "libreplica/format/snapshot_history.h"

static struct snapshot_record record_at(int64_t second)
{
    return (struct snapshot_record){.started = apr_time_from_sec(1700000000 + second),
                                    .ended = apr_time_from_sec(1700000005 + second),
                                    .revision = second,
                                    .objects = 2 * second,
                                    .bytes = 1000 * second,
                                    .result = "ok"};
}

static const struct snapshot_record *get(const apr_array_header_t *records, int i)
{
    return &APR_ARRAY_IDX(records, i, struct snapshot_record);
}

static void test_one_run(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct snapshot_record record = record_at(7);
    const char *text = snapshot_history_add(text_of(""), &record, pool);
    apr_array_header_t *records = snapshot_history_parse(text_of(text), pool);

    assert_string_equal(text, "2023-11-14T22:13:27Z/2023-11-14T22:13:32Z/7/14/7000/ok");
    assert_int_equal(records->nelts, 1);
    assert_int_equal(get(records, 0)->started, record.started);
    assert_int_equal(get(records, 0)->ended, record.ended);
    assert_int_equal(get(records, 0)->revision, 7);
    assert_int_equal(get(records, 0)->objects, 14);
    assert_int_equal(get(records, 0)->bytes, 7000);
    assert_true(snapshot_record_is_ok(get(records, 0)));
}

static void test_a_failure_before_anything_was_published(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct snapshot_record record = record_at(0);
    apr_array_header_t *records;

    record.revision = -1;
    record.result = "bad-hash";
    records = snapshot_history_parse(
        text_of(snapshot_history_add(text_of(""), &record, pool)), pool);
    assert_int_equal(records->nelts, 1);
    assert_int_equal(get(records, 0)->revision, -1);
    assert_string_equal(get(records, 0)->result, "bad-hash");
    assert_false(snapshot_record_is_ok(get(records, 0)));
}

static void test_the_oldest_are_dropped(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *text = "";
    apr_array_header_t *records;

    for (int i = 0; i < SNAPSHOT_HISTORY_MAX + 10; i++) {
        struct snapshot_record record = record_at(i);

        text = snapshot_history_add(text_of(text), &record, pool);
    }
    records = snapshot_history_parse(text_of(text), pool);
    assert_int_equal(records->nelts, SNAPSHOT_HISTORY_MAX);
    assert_int_equal(get(records, 0)->revision, 10);
    assert_int_equal(get(records, SNAPSHOT_HISTORY_MAX - 1)->revision,
                     SNAPSHOT_HISTORY_MAX + 9);
}

static void test_what_is_damaged_is_passed_over(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *records = snapshot_history_parse(
        text_of(
            "2023-11-14T22:13:27Z/2023-11-14T22:13:32Z/7/14/7000/ok "
            "2023-11-14T22:13:27Z/2023-11-14T22:13:32Z/7/14/7000 "
            "2023-11-14T22:13:27Z/2023-11-14T22:13:32Z/7/14/x/ok "
            "2023-11-31T22:13:27Z/2023-11-14T22:13:32Z/7/14/1/ok "
            "2023-11-14T22:13:27Z/2023-11-14T22:13:32Z/7/14/1/<b> "
            "/ // nonsense  2023-11-14T22:13:27Z/2023-11-14T22:13:32Z/8/0/0/no-space"),
        pool);

    assert_int_equal(records->nelts, 2);
    assert_int_equal(get(records, 0)->revision, 7);
    assert_string_equal(get(records, 1)->result, "no-space");
}

static const struct CMUnitTest snapshot_history_tests[] = {
    UNIT_TEST(test_one_run),
    UNIT_TEST(test_a_failure_before_anything_was_published),
    UNIT_TEST(test_the_oldest_are_dropped),
    UNIT_TEST(test_what_is_damaged_is_passed_over),
};

UNIT_MAIN(snapshot_history_tests)
