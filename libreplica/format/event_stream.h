/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events, as they arrive: bytes in, events out. Pure. */
#ifndef REPLICA_FORMAT_EVENT_STREAM_H
#define REPLICA_FORMAT_EVENT_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Most bytes of one line, and of the data of one event. */
#define EVENT_STREAM_LINE_MAX (256 * 1024)

/* Valid until the next call. */
struct stream_event {
    int64_t sequence; /* of the last "id" that was a number; 0: there was none */
    const char *kind; /* "message" if the event does not say */
    struct text data; /* lines joined by LF */
};

/* False, with *error set: read no further. */
typedef bool event_stream_consumer(void *baton, const struct stream_event *event,
                                   struct error *error);

struct event_stream;

/* POOL owns the stream. */
struct event_stream *event_stream_create(event_stream_consumer *consume, void *baton,
                                         apr_pool_t *pool);

/* The next bytes, however the sender cut them; an event is complete with its empty line.
 * Comments and unknown fields are passed over. False: ERROR_TOO_LARGE, or the consumer's
 * error. One thread at a time. */
bool event_stream_feed(struct event_stream *stream, struct text bytes,
                       struct error *error);

#endif
