/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: what changed, in order, in one file that several processes share.
 *
 * Sequence numbers only grow, also if the file is lost and made anew. The last event of
 * each topic is retained for ever, of the others the newest. Each function opens the
 * file, does its work and closes it, so a process holds nothing between two of them, and
 * who waits for news sees that a writer closed it (event_watch.h). Thread-safe; blocks
 * for a transaction of somebody else. Source: docs/events.md, docs/decisions/0013. */
#ifndef REPLICA_EVENTS_EVENT_LOG_H
#define REPLICA_EVENTS_EVENT_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Events beside the last ones of their topics that are kept, about. */
#define EVENT_LOG_KEPT 10000

/* Most bytes of a payload. */
#define EVENT_PAYLOAD_MAX (256 * 1024)

enum event_kind {
    EVENT_ACTIVITY, /* a new signed revision */
    EVENT_OBJECT,   /* one path changed or was removed */
    EVENT_ORIGIN,   /* registered, or expired */
    EVENT_JOB       /* a publication finished or failed */
};

struct event_record {
    int64_t sequence;  /* given by the log */
    const char *topic; /* name of a repository */
    enum event_kind kind;
    int64_t revision;    /* of an activity, which must not be older than the last; or 0 */
    const char *mark;    /* the version: topic and mark make an event the same */
    apr_time_t time;     /* when it was stored */
    const char *source;  /* which program, for people */
    struct text payload; /* to be passed on as it is */
};

/* What became of an event. */
enum event_fate {
    EVENT_STORED, /* it is new */
    EVENT_KNOWN,  /* the topic's last one has the mark; it has the payload now */
    EVENT_OLDER   /* of an older revision than the topic's last one */
};

const char *event_kind_name(enum event_kind kind);

/* Store EVENT, whose sequence is not looked at, and sync it; the file is made if need be,
 * and its folder.
 *   *sequence   of the stored or known event; 0 for an older one; may be NULL
 * False: ERROR_PERMISSION, ERROR_IO, ERROR_NO_SPACE, ERROR_BAD_FORMAT (a damaged file),
 * ERROR_TOO_LARGE. */
bool event_log_append(enum event_fate *fate, int64_t *sequence, const char *path,
                      const struct event_record *event, apr_pool_t *pool,
                      struct error *error);

/* Events after SINCE in their order, at most LIMIT, an array of struct event_record; only
 * of TOPICS (const char *) if that is not NULL. A file that is not there holds none. */
bool event_log_read(apr_array_header_t **events, const char *path, int64_t since,
                    const apr_array_header_t *topics, int limit, apr_pool_t *pool,
                    struct error *error);

/* The last event of TOPIC; *event is NULL if there is none. */
bool event_log_last(struct event_record **event, const char *path, const char *topic,
                    apr_pool_t *pool, struct error *error);

/* The last event of each topic, in the order of their sequence. */
bool event_log_retained(apr_array_header_t **events, const char *path, apr_pool_t *pool,
                        struct error *error);

#endif
