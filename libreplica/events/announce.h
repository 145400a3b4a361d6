/* SPDX-License-Identifier: Apache-2.0 */
/* A repository's head as an event: what commits and snapshots leave in the log. */
#ifndef REPLICA_EVENTS_ANNOUNCE_H
#define REPLICA_EVENTS_ANNOUNCE_H

#include "libreplica/events/event_log.h"
#include "libreplica/format/activity.h"
#include "libreplica/store/store.h"

/* The event that ACTIVITY, whose manifest is MANIFEST, becomes. POOL owns its strings. */
struct event_record announce_event(const struct activity *activity,
                                   const struct manifest *manifest, const char *source,
                                   apr_pool_t *pool);

/* Append the present head of the tree in STORE, if the log at LOG does not have it; LOG
 * NULL or "": there is none. The head is believed: who calls this has just written it, or
 * whoever reads the log verifies it. A repository without a head has no event. */
bool announce_head(const char *log, struct store *store, const char *source,
                   apr_pool_t *pool, struct error *error);

/* The same for those whose work is done and must not fail for it: a warning in the log of
 * the program; the daemon appends at its next start what is missing. */
void announce_head_or_warn(const char *log, struct store *store, const char *source,
                           apr_pool_t *pool);

#endif
