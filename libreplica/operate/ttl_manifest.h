/* SPDX-License-Identifier: Apache-2.0 */
/* The file ttl.json in the root of a repository: when what was uploaded expires, for
 * clients that read the repository. Source: other-origins 3.3.1. */
#ifndef REPLICA_OPERATE_TTL_MANIFEST_H
#define REPLICA_OPERATE_TTL_MANIFEST_H

#include "libreplica/publish/changes.h"

/* REPLICA_TTL_MANIFEST. */
bool ttl_manifest_is_wanted(const struct repository *repository);

/* If it is wanted, put it: of the records in the spool those that count for what is there
 * with the changes so far, so this is the last of them. Where a directory has its name it
 * is left out, and that is logged. */
bool ttl_manifest_put(struct changes *changes, const struct repository *repository,
                      apr_time_t now, apr_pool_t *pool, struct error *error);

#endif
