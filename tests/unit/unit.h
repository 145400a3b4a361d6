/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test needs: cmocka, a pool per test, a temporary folder. */
#ifndef REPLICA_TESTS_UNIT_H
#define REPLICA_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

#include "libreplica/base/error.h"

#define UNIT_TEST(name) cmocka_unit_test_setup_teardown(name, unit_setup, unit_teardown)
#define UNIT_MAIN(group)                                                                 \
    int main(void)                                                                       \
    {                                                                                    \
        apr_initialize();                                                                \
        atexit(apr_terminate);                                                           \
        return cmocka_run_group_tests_name(#group, group, NULL, NULL);                   \
    }

/* Show the message of an error that was not expected. */
#define assert_ok(expression, error_pointer)                                             \
    do {                                                                                 \
        if (!(expression))                                                               \
            fail_msg("%s: %s", #expression, (error_pointer)->message);                   \
    } while (0)

/* The pool of the running test. */
static inline apr_pool_t *unit_pool(void **state)
{
    return *state;
}

static inline int unit_setup(void **state)
{
    apr_pool_t *pool;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return -1;
    *state = pool;
    return 0;
}

static inline int unit_teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static inline apr_status_t unit_remove_folder(void *path)
{
    char line[512];

    snprintf(line, sizeof(line), "rm -rf '%s'", (const char *)path);
    return system(line) == 0 ? APR_SUCCESS : APR_EGENERAL;
}

/* A fresh folder that goes with the test's pool. */
static inline const char *unit_folder(void **state)
{
    const char *base = getenv("TMPDIR");
    char *path = apr_psprintf(unit_pool(state), "%s/replica-unit-XXXXXX",
                              base != NULL ? base : "/tmp");

    assert_non_null(mkdtemp(path));
    apr_pool_cleanup_register(unit_pool(state), path, unit_remove_folder,
                              apr_pool_cleanup_null);
    return path;
}

#endif
