/* SPDX-License-Identifier: Apache-2.0 */
/* External sorting: order, duplicates, many runs, reading twice, a full disk. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include "libreplica/base/sorted_records.h"

#define SIZE 8

/* The smallest set there is: a few hundred records fill its memory. */
static struct sorted_records *make_set(void **state)
{
    struct sorted_records *records;
    struct error error;

    assert_ok(sorted_records_create(&records, SIZE, 0, unit_folder(state),
                                    unit_pool(state), &error),
              &error);
    return records;
}

static void put(unsigned char record[SIZE], uint64_t value)
{
    for (int i = 0; i < SIZE; i++)
        record[i] = (unsigned char)(value >> 8 * (SIZE - 1 - i));
}

static void add(struct sorted_records *records, uint64_t value)
{
    unsigned char record[SIZE];
    struct error error;

    put(record, value);
    assert_ok(sorted_records_add(records, record, &error), &error);
}

static void assert_next(struct sorted_records *records, uint64_t value)
{
    unsigned char expected[SIZE], record[SIZE];
    struct error error;
    bool more;

    put(expected, value);
    assert_ok(sorted_records_next(records, record, &more, &error), &error);
    assert_true(more);
    assert_memory_equal(record, expected, SIZE);
}

static void assert_end(struct sorted_records *records)
{
    unsigned char record[SIZE];
    struct error error;
    bool more;

    assert_ok(sorted_records_next(records, record, &more, &error), &error);
    assert_false(more);
    assert_ok(sorted_records_next(records, record, &more, &error), &error);
    assert_false(more);
}

/* The values 0, STEP, 2 STEP ... below COUNT * STEP in another order. */
static void add_shuffled(struct sorted_records *records, uint64_t count, uint64_t step)
{
    for (uint64_t i = 0; i < count; i++)
        add(records, i * 7919 % count * step);
}

static void assert_holds(struct sorted_records *records, uint64_t count, uint64_t step)
{
    struct error error;

    assert_ok(sorted_records_rewind(records, &error), &error);
    for (uint64_t i = 0; i < count; i++)
        assert_next(records, i * step);
    assert_end(records);
}

static void an_empty_set_has_nothing_to_read(void **state)
{
    struct sorted_records *records = make_set(state);
    struct error error;
    int64_t count;

    assert_ok(sorted_records_rewind(records, &error), &error);
    assert_end(records);
    assert_ok(sorted_records_count(records, &count, &error), &error);
    assert_int_equal(count, 0);
}

static void sorts_in_memory_and_in_few_and_many_runs(void **state)
{
    static const uint64_t counts[] = {1, 2, 255, 256, 257, 1000, 20000, 100003};

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct sorted_records *records = make_set(state);
        struct error error;
        int64_t count;

        add_shuffled(records, counts[i], 3);
        assert_holds(records, counts[i], 3);
        assert_holds(records, counts[i], 3);
        assert_ok(sorted_records_count(records, &count, &error), &error);
        assert_int_equal(count, counts[i]);
        assert_next(records, 0);
    }
}

static void gives_equal_records_once(void **state)
{
    struct sorted_records *records = make_set(state);

    for (int round = 0; round < 30; round++)
        add_shuffled(records, 1009, 1);
    assert_holds(records, 1009, 1);
    for (int i = 0; i < 100000; i++)
        add(records, 5);
    assert_holds(records, 1009, 1);
}

static void takes_more_after_it_was_read(void **state)
{
    struct sorted_records *records = make_set(state);

    for (uint64_t round = 0; round < 200; round++) {
        add(records, 2 * round);
        assert_holds(records, round + 1, 2);
    }
    for (uint64_t round = 200; round < 40000; round++)
        add(records, 2 * round);
    for (uint64_t round = 40000; round < 40150; round++) {
        add(records, 2 * round);
        if (round % 10 == 0)
            assert_holds(records, round + 1, 2);
    }
    sorted_records_clear(records);
    assert_holds(records, 0, 1);
    add_shuffled(records, 1000, 1);
    assert_holds(records, 1000, 1);
}

static bool finds(struct sorted_records *records, uint64_t value)
{
    unsigned char record[SIZE];
    struct error error;
    bool found;

    put(record, value);
    assert_ok(sorted_records_find(records, record, SIZE, &found, &error), &error);
    return found;
}

static void finds_what_is_there_in_ascending_order(void **state)
{
    struct sorted_records *records = make_set(state);
    unsigned char prefix[SIZE];
    struct error error;
    bool found;

    add_shuffled(records, 5000, 2);
    assert_ok(sorted_records_rewind(records, &error), &error);
    for (uint64_t value = 0; value < 9990; value += 1 + value % 7)
        assert_true(finds(records, value) == (value % 2 == 0));
    assert_true(finds(records, 9998));
    assert_true(finds(records, 9998));
    assert_next(records, 9998);
    assert_false(finds(records, 10001));
    assert_ok(sorted_records_rewind(records, &error), &error);
    put(prefix, 0x1200);
    assert_ok(sorted_records_find(records, prefix, SIZE - 1, &found, &error), &error);
    assert_true(found);
    assert_next(records, 0x1200);
}

static void says_so_when_the_disk_is_full(void **state)
{
    struct rlimit old, small = {4096, RLIM_INFINITY};
    struct sorted_records *records = make_set(state);
    unsigned char record[SIZE];
    struct error error = {0};
    bool ok = true;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &small);
    for (uint64_t i = 0; ok && i < 10000; i++) {
        put(record, i * 7919 % 10007);
        ok = sorted_records_add(records, record, &error);
    }
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(ok);
    assert_int_equal(error.code, ERROR_IO);
    assert_non_null(strstr(error.message, "cannot write a temporary file in"));
}

static void says_so_when_the_folder_is_missing(void **state)
{
    struct sorted_records *records;
    unsigned char record[SIZE];
    struct error error;
    bool ok = true;

    assert_ok(sorted_records_create(&records, SIZE, 0, "/nonexistent/folder",
                                    unit_pool(state), &error),
              &error);
    for (uint64_t i = 0; ok && i < 1000; i++) {
        put(record, i);
        ok = sorted_records_add(records, record, &error);
    }
    assert_false(ok);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static const struct CMUnitTest sorted_records[] = {
    UNIT_TEST(an_empty_set_has_nothing_to_read),
    UNIT_TEST(sorts_in_memory_and_in_few_and_many_runs),
    UNIT_TEST(gives_equal_records_once),
    UNIT_TEST(takes_more_after_it_was_read),
    UNIT_TEST(finds_what_is_there_in_ascending_order),
    UNIT_TEST(says_so_when_the_disk_is_full),
    UNIT_TEST(says_so_when_the_folder_is_missing),
};
UNIT_MAIN(sorted_records)
