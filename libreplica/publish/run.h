/* SPDX-License-Identifier: Apache-2.0 */
/* One run from the present head of a repository to its next one. */
#ifndef REPLICA_PUBLISH_RUN_H
#define REPLICA_PUBLISH_RUN_H

#include "libreplica/publish/publication.h"
#include "libreplica/store/dirty_marker.h"

struct run {
    struct publication *publication;
    struct dirty_marker marker;
    const struct manifest *present; /* its signature is checked */
};

/* Open the tree, mend what a crash left behind, and read the present head. The time stamp
 * of the publication is not before the present head's: readers refuse what is older than
 * they know. True: run_end has to follow. */
bool run_begin(struct run *run, const struct publish_target *target, apr_time_t now,
               const volatile int *stop, apr_pool_t *pool, struct error *error);

/* OK: whether what was to be done is done; if not, ERROR says why and stays. False: it is
 * not, or its data could not be made durable. */
bool run_end(struct run *run, bool ok, struct error *error);

#endif
