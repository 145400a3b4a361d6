/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people like them: short, with a unit. Pure. */
#ifndef REPLICA_BASE_HUMAN_H
#define REPLICA_BASE_HUMAN_H

#include <stdint.h>
#include <apr_pools.h>

/* "45 s", "12 min", "30 h", "9 d": of two units or more the largest. */
const char *human_duration(int64_t seconds, apr_pool_t *pool);

/* "999 B", "1.5 MB", "12 GB": powers of ten. */
const char *human_size(int64_t bytes, apr_pool_t *pool);

#endif
