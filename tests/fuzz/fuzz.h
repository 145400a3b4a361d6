/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target needs. A target is linked with replay.c, which feeds it its
 * corpus in `make check`, or with libFuzzer (--enable-fuzzing). */
#ifndef REPLICA_TESTS_FUZZ_H
#define REPLICA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <apr_general.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A property that must hold for every input. */
#define FUZZ_MUST(condition)                                                             \
    do {                                                                                 \
        if (!(condition))                                                                \
            abort();                                                                     \
    } while (0)

/* A pool for one input; destroy it at the end. */
static inline apr_pool_t *fuzz_pool(void)
{
    static bool started;
    apr_pool_t *pool;

    if (!started) {
        apr_initialize();
        atexit(apr_terminate);
        started = true;
    }
    FUZZ_MUST(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    return pool;
}

/* Put the input into this process's scratch file and return its path; for parsers that
 * open files. */
const char *fuzz_file(const uint8_t *bytes, size_t length);

#endif
