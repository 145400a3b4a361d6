/* SPDX-License-Identifier: Apache-2.0 */
/* Locks: exclusion, release, the name of the holder, an unlinked file. */
#include "tests/unit/unit.h"

#include <unistd.h>
#include "libreplica/base/lock.h"

static const char *lock_path(void **state)
{
    return apr_pstrcat(unit_pool(state), unit_folder(state), "/is_updating.lock", NULL);
}

static void excludes_and_names_the_holder(void **state)
{
    const char *path = lock_path(state);
    struct lock *first, *second;
    struct error error;

    assert_ok(lock_try(&first, path, unit_pool(state), &error), &error);
    assert_false(lock_try(&second, path, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BUSY);
    assert_non_null(strstr(
        error.message, apr_psprintf(unit_pool(state), "held by %ld ", (long)getpid())));
    lock_release(first);
    assert_ok(lock_try(&second, path, unit_pool(state), &error), &error);
    assert_int_equal(access(path, F_OK), 0);
}

static void is_released_with_its_pool(void **state)
{
    const char *path = lock_path(state);
    apr_pool_t *short_lived;
    struct lock *lock;
    struct error error;

    apr_pool_create(&short_lived, unit_pool(state));
    assert_ok(lock_try(&lock, path, short_lived, &error), &error);
    apr_pool_destroy(short_lived);
    assert_ok(lock_try(&lock, path, unit_pool(state), &error), &error);
}

static void a_wait_can_be_stopped(void **state)
{
    const char *path = lock_path(state);
    volatile int stop = 1;
    struct lock *first, *second;
    struct error error;

    assert_ok(lock_try(&first, path, unit_pool(state), &error), &error);
    assert_false(lock_wait(&second, path, &stop, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
}

static void says_why_a_path_cannot_be_locked(void **state)
{
    const char *path =
        apr_pstrcat(unit_pool(state), unit_folder(state), "/no/lock", NULL);
    struct lock *lock;
    struct error error;

    assert_false(lock_try(&lock, path, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "cannot open the lock file"));
}

static const struct CMUnitTest lock_tests[] = {
    UNIT_TEST(excludes_and_names_the_holder),
    UNIT_TEST(is_released_with_its_pool),
    UNIT_TEST(a_wait_can_be_stopped),
    UNIT_TEST(says_why_a_path_cannot_be_locked),
};

UNIT_MAIN(lock_tests)
