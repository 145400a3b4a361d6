/* SPDX-License-Identifier: Apache-2.0 */
/* A replica's .cvmfs_status.json: one flat object of strings that monitors read. */
#ifndef REPLICA_OPERATE_STATUS_H
#define REPLICA_OPERATE_STATUS_H

#include <stddef.h>
#include "libreplica/store/store.h"

struct status_change {
    const char *key;
    const char *value; /* NULL removes the key: null values break readers */
};

/* Change some keys and keep the others; a file that is no JSON object is replaced.
 * Source: stratum1-http-and-ops 1.5. */
bool status_update(struct store *store, const struct status_change *changes, size_t count,
                   apr_pool_t *pool, struct error *error);

/* The value of a key, or NULL if there is none. POOL owns it. */
const char *status_read(struct store *store, const char *key, apr_pool_t *pool);

#endif
