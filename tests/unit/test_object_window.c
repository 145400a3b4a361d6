/* SPDX-License-Identifier: Apache-2.0 */
/* The window over a predecessor's rows: what it remembers, and that it invents nothing.
 */
#include "tests/unit/unit.h"
#include "libreplica/replicate/object_window.h"

static struct object numbered(uint32_t number)
{
    struct object object = {.type = OBJECT_FILE};

    hash_bytes(&object.hash, HASH_SHA1, &number, sizeof(number));
    return object;
}

static void put(struct object_window *window, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct object object = numbered(i);

        object_window_put(window, &object, i);
    }
}

static bool has(struct object_window *window, uint32_t number)
{
    struct object object = numbered(number);
    int64_t place = -1;

    if (!object_window_find(&place, window, &object))
        return false;
    assert_int_equal(place, number);
    return true;
}

static void finds_what_was_put_and_nothing_else(void **state)
{
    struct object_window *window = object_window_create(unit_pool(state));

    put(window, 0, 1000);
    for (uint32_t i = 0; i < 2000; i++)
        assert_int_equal(has(window, i), i < 1000);
}

static void tells_types_and_algorithms_apart(void **state)
{
    struct object_window *window = object_window_create(unit_pool(state));
    struct object object = numbered(1);
    int64_t place;

    object_window_put(window, &object, 0);
    object.type = OBJECT_CHUNK;
    assert_false(object_window_find(&place, window, &object));
    object = numbered(1);
    object.hash.algorithm = HASH_RMD160;
    assert_false(object_window_find(&place, window, &object));
}

static void remembers_the_last_ones_however_many_there_were(void **state)
{
    struct object_window *window = object_window_create(unit_pool(state));
    uint32_t count = 3 * OBJECT_WINDOW_SIZE + 1000;

    put(window, 0, count);
    for (uint32_t i = count - OBJECT_WINDOW_SIZE; i < count; i++)
        assert_true(has(window, i));
    assert_false(has(window, count - 2 * OBJECT_WINDOW_SIZE - 1));
    assert_false(has(window, 0));
}

static void one_object_over_and_over_takes_one_place(void **state)
{
    struct object_window *window = object_window_create(unit_pool(state));
    struct object same = numbered(7);

    put(window, 0, 7);
    for (int i = 0; i < 2 * OBJECT_WINDOW_SIZE; i++)
        object_window_put(window, &same, 7);
    for (uint32_t i = 0; i < 8; i++)
        assert_true(has(window, i));
}

static void forgets_everything_when_cleared(void **state)
{
    struct object_window *window = object_window_create(unit_pool(state));

    for (uint32_t count = 10; count <= OBJECT_WINDOW_SIZE; count *= 20) {
        put(window, 0, count);
        object_window_clear(window);
        for (uint32_t i = 0; i < count; i++)
            assert_false(has(window, i));
    }
}

static const struct CMUnitTest object_window_tests[] = {
    UNIT_TEST(finds_what_was_put_and_nothing_else),
    UNIT_TEST(tells_types_and_algorithms_apart),
    UNIT_TEST(remembers_the_last_ones_however_many_there_were),
    UNIT_TEST(one_object_over_and_over_takes_one_place),
    UNIT_TEST(forgets_everything_when_cleared),
};

UNIT_MAIN(object_window_tests)
