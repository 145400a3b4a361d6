/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of the gateway's notification service. */
#ifndef REPLICA_NET_NOTIFICATION_H
#define REPLICA_NET_NOTIFICATION_H

#include <apr_pools.h>
#include "libreplica/format/event_stream.h"

/* POST the activity message MESSAGE below the service's URL (".../api/v1"). Blocks for
 * half a minute at most. False: ERROR_UNREACHABLE, ERROR_REFUSED (with the server's
 * reason). */
bool notification_post(const char *url, struct text message, apr_pool_t *pool,
                       struct error *error);

struct notification_subscription {
    const char *url;
    const char *repository;
    const volatile int *stop; /* may be NULL */
    event_stream_consumer *consume;
    void *baton;
};

/* Ask for the strict stream, which all services know, and give its events to the
 * consumer. Returns when the stream ends, which is always false: ERROR_UNREACHABLE (also
 * for one that the server ended), ERROR_REFUSED (a status that is not 200),
 * ERROR_CANCELLED, ERROR_TOO_LARGE, or the consumer's error. */
bool notification_follow(const struct notification_subscription *subscription,
                         apr_pool_t *pool, struct error *error);

#endif
