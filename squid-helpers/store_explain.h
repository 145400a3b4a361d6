/* SPDX-License-Identifier: Apache-2.0 */
/* replica-store-id --explain. */
#ifndef REPLICA_STORE_EXPLAIN_H
#define REPLICA_STORE_EXPLAIN_H

#include <apr_pools.h>

/* ARGUMENTS: URL [CLIENT], or "-" for lines of these on standard input. Returns 0 if it
 * has a key, 1 if not, 2 if it cannot be told. */
int store_explain(const void *rules, int count, char **arguments, apr_pool_t *pool);

#endif
