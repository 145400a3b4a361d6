/* SPDX-License-Identifier: Apache-2.0 */
/* One stream of a service that is followed; for event_follower.c. */
#ifndef REPLICA_NET_EVENT_CHANNEL_H
#define REPLICA_NET_EVENT_CHANNEL_H

#include <apr_time.h>
#include <curl/curl.h>
#include "libreplica/net/event_follower.h"

struct event_follower {
    apr_pool_t *pool;
    CURLM *multi;
    event_follower_consumer *consume;
    void *baton;
    struct event_service *services;
    uint64_t random_state;
};

struct event_service {
    struct event_service *next;
    struct event_follower *follower;
    apr_pool_t *pool; /* its own, until its repositories change */
    struct event_source source;
    struct event_channel *channels;
    apr_pool_t *channels_pool; /* of all of them together */
    bool is_wanted;            /* for event_follower_set */
    bool is_strict;
    bool has_to_change;    /* its channels are of the wrong kind */
    apr_time_t probe_next; /* when the extended stream may be tried again */
    apr_time_t log_next;
    apr_time_t last_event;
    int64_t events, retries;
    char problem[ERROR_MESSAGE_SIZE];
};

/* Times are of the monotonic clock but connected_since. */
struct event_channel {
    struct event_channel *next;
    struct event_service *service;
    const char *names; /* between commas */
    apr_pool_t *pool;  /* of the present stream */
    CURL *easy;        /* NULL: there is none */
    struct curl_slist *headers;
    struct event_stream *stream;
    char message[CURL_ERROR_SIZE];
    struct error error; /* of what was received */
    int64_t sequence;   /* of the last event */
    int failures;       /* in a row */
    apr_time_t next_try;
    apr_time_t began;
    apr_time_t last_byte;
    apr_time_t connected_since;
};

/* NAMES outlive it. */
struct event_channel *event_channel_create(struct event_service *service,
                                           const char *names);

/* Ask for the stream. */
void event_channel_begin(struct event_channel *channel, apr_time_t now);

/* Whether its stream has shown no sign of life for too long. */
bool event_channel_is_dead(const struct event_channel *channel, apr_time_t now);

/* End the stream, if there is one. */
void event_channel_end(struct event_channel *channel);

/* Whether an answer says that the service does not know the extended stream. */
bool event_channel_is_unknown(const struct event_channel *channel, CURLcode code);

/* Why the stream ended, in the service's `problem`. */
void event_channel_explain(const struct event_channel *channel, CURLcode code);

#endif
