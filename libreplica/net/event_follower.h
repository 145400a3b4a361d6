/* SPDX-License-Identifier: Apache-2.0 */
/* Following the event streams of many notification services at once, for ever.
 *
 * The extended stream is asked for first: one connection for up to 64 repositories, with
 * comments by which a dead one is noticed, and it goes on where it stopped. A service
 * that does not know it is followed by the strict stream, a connection for each
 * repository. Whatever ends a stream, it is begun again, after a pause that grows and is
 * drawn by lot. Source: docs/events.md */
#ifndef REPLICA_NET_EVENT_FOLLOWER_H
#define REPLICA_NET_EVENT_FOLLOWER_H

#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/format/event_stream.h"

struct event_follower;

/* What is followed at one service. */
struct event_source {
    const char *url;                        /* of the service, ".../api/v1" */
    const char *proxy;                      /* "": none */
    const char *ca_bundle;                  /* "": the system's */
    const apr_array_header_t *repositories; /* const char *, each once */
};

/* How that goes. */
struct event_source_state {
    const char *url;
    int repositories;
    int streams, connected; /* connections that are wanted, and those that are up */
    bool is_strict;
    apr_time_t connected_since; /* all of them; 0: not all are */
    apr_time_t last_event;      /* 0: there was none */
    int64_t events;
    int64_t retries;     /* streams that ended or could not be begun */
    const char *problem; /* the last one's; "" none, or all are connected again */
};

/* Of the service at URL. Both are valid during the call only. */
typedef void event_follower_consumer(void *baton, const char *url,
                                     const struct stream_event *event);

/* Nothing is followed yet. POOL owns the follower and its connections. Everything but
 * event_follower_wake belongs to one thread, which may be another one than the creator's.
 * False: ERROR_IO. */
bool event_follower_create(struct event_follower **follower,
                           event_follower_consumer *consume, void *baton,
                           apr_pool_t *pool, struct error *error);

/* From now on follow SOURCES (struct event_source, each service once), which are copied.
 * Connections to a service whose repositories are the same stay. */
void event_follower_set(struct event_follower *follower,
                        const apr_array_header_t *sources);

/* Do what is to be done, waiting for it at most that long. */
void event_follower_turn(struct event_follower *follower, int milliseconds);

/* End the turn that waits now, or the next one. From any thread. */
void event_follower_wake(struct event_follower *follower);

/* An array of struct event_source_state. */
apr_array_header_t *event_follower_states(const struct event_follower *follower,
                                          apr_pool_t *pool);

#endif
