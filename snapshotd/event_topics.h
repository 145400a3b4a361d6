/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of notification services, judged: what is old, forged or not ours goes no
 * further, and what is left is checked so often and no more. */
#ifndef REPLICA_SNAPSHOTD_EVENT_TOPICS_H
#define REPLICA_SNAPSHOTD_EVENT_TOPICS_H

#include <apr_tables.h>
#include "libreplica/format/event_stream.h"
#include "snapshotd/event_sources.h"

/* HINT is valid during the call. */
typedef void event_hint_consumer(void *baton, const struct event_hint *hint);

struct event_topics;

/* One for each service and repository in LIST (struct followed_replica), whose strings
 * outlive POOL. */
struct event_topics *event_topics_create(const apr_array_header_t *list,
                                         const char *confdir,
                                         event_hint_consumer *consume, void *baton,
                                         apr_pool_t *pool);

/* A message of the service at URL. */
void event_topics_take(struct event_topics *topics, const char *url,
                       const struct stream_event *event);

/* Check messages that had to wait, or, if IS_LAST, all of them. Returns how long the
 * next one has to wait. */
apr_interval_time_t event_topics_catch_up(struct event_topics *topics, bool is_last);

#endif
