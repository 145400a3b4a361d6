/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that follows upstreams' events and says which replicas should be looked
 * after. What it reads are hints, and it believes nothing that does not verify. */
#ifndef REPLICA_SNAPSHOTD_EVENT_SOURCES_H
#define REPLICA_SNAPSHOTD_EVENT_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_tables.h>
#include "libreplica/net/event_follower.h"

/* A replica and one of the services that tell of it. */
struct followed_replica {
    const char *url;
    const char *proxy;
    const char *ca_bundle;
    const char *local_name;
    const char *fqrn;
    const char *storage;
};

struct event_hint {
    const char *local_name;
    int64_t revision; /* newer than the one that the tree has */
    bool is_verified; /* by keys and certificate that are here; else it could not be */
};

struct event_sources;

/* WAKE_FD, an eventfd, is told of hints, and of connections that come and go. */
bool event_sources_start(struct event_sources **sources, const char *confdir, int wake_fd,
                         struct error *error);

/* End the thread and all connections. */
void event_sources_stop(struct event_sources *sources);

/* From now on follow LIST (struct followed_replica), which is copied. */
void event_sources_follow(struct event_sources *sources, const apr_array_header_t *list);

/* Take the hints since the last call (struct event_hint): one of a kind for each
 * replica. */
apr_array_header_t *event_sources_take(struct event_sources *sources, apr_pool_t *pool);

/* Whether connections came or went since the last call. */
bool event_sources_have_changed(struct event_sources *sources);

/* An array of struct event_source_state. */
apr_array_header_t *event_sources_states(struct event_sources *sources, apr_pool_t *pool);

#endif
