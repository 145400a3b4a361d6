/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty marker: which objects a crash may have left incomplete.
 *
 * A file in the storage tree itself that exists, synced, from before a writer's first
 * write until after its data are synced. One that is found by the next writer is stale:
 * every object that got its name since then has to prove itself. Source: design 6.3. */
#ifndef REPLICA_STORE_DIRTY_MARKER_H
#define REPLICA_STORE_DIRTY_MARKER_H

#include "libreplica/store/store.h"

#define DIRTY_MARKER_NAME ".replica_dirty"

struct dirty_marker {
    struct store *store;
    bool is_stale;    /* left by a writer that did not finish */
    apr_time_t since; /* objects changed at or after this are covered; used if stale */
};

/* Open the marker, or take over a stale one; only while holding the repository's update
 * lock. */
bool dirty_marker_open(struct dirty_marker *marker, struct store *store,
                       struct error *error);

/* Whether an object with this status may be incomplete. */
bool dirty_marker_covers(const struct dirty_marker *marker,
                         const struct store_status *status);

/* After a stale marker: read every covered object and remove those that do not hash to
 * their name. *checked and *removed count objects. Afterwards file contents and chunks
 * that exist are sound; covered catalogs are sound too, but what they refer to may be
 * missing. */
bool dirty_marker_recover(const struct dirty_marker *marker, int64_t *checked,
                          int64_t *removed, const volatile int *stop,
                          struct error *error);

/* Sync, then close: nothing is covered any more. */
bool dirty_marker_close(struct dirty_marker *marker, struct error *error);

#endif
