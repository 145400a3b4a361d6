/* SPDX-License-Identifier: Apache-2.0 */
/* The bound on snapshots at once, shared with the reference's `snapshot -a`. */
#ifndef REPLICA_OPERATE_SNAPSHOT_SLOT_H
#define REPLICA_OPERATE_SNAPSHOT_SLOT_H

#include "libreplica/base/lock.h"
#include "libreplica/base/settings.h"

/* CVMFS_MAX_PARALLEL_SNAPSHOTS, or the number of CPUs. */
int snapshot_slot_count(const struct settings *server);

/* Take one of the numbered locks <REPLICA_SLOT_DIR>/<n>.lock without waiting; the pool or
 * lock_release gives it back. False: ERROR_BUSY if all are taken.
 * Source: stratum1-http-and-ops 3.3. */
bool snapshot_slot_take(struct lock **lock, const struct settings *server,
                        apr_pool_t *pool, struct error *error);

#endif
