/* SPDX-License-Identifier: Apache-2.0 */
/* The user that a repository's storage and spool belong to. */
#ifndef REPLICA_OPERATE_OWNER_H
#define REPLICA_OPERATE_OWNER_H

#include <apr_pools.h>
#include "libreplica/base/error.h"

struct owner {
    const char *name;
    unsigned int uid;
};

/* Look a user up. False: ERROR_NOT_FOUND ("No user <name>"), ERROR_IO. Thread-safe. */
bool owner_find(struct owner *owner, const char *name, apr_pool_t *pool,
                struct error *error);

/* The name of the user that this process runs as, or its number as text. */
const char *owner_current_name(apr_pool_t *pool);

#endif
