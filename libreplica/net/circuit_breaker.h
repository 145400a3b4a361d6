/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a server is worth asking while others have the same.
 *
 * After a few failures in a row it is left alone for a while; then one request finds out
 * how it is, and if that fails too, the while doubles. Any success ends it. No clock, no
 * sockets: times are given. */
#ifndef REPLICA_NET_CIRCUIT_BREAKER_H
#define REPLICA_NET_CIRCUIT_BREAKER_H

#include <stdbool.h>
#include <apr_time.h>

struct circuit_breaker {
    int failures; /* in a row */
    bool is_open; /* the server is left alone */
    bool is_probing;
    apr_time_t pause;
    apr_time_t rests_until; /* while it is open */
};

/* Closed; all zero does as well. */
void circuit_breaker_init(struct circuit_breaker *breaker);

/* The server is known to be in trouble: as if it had just failed too often. */
void circuit_breaker_trip(struct circuit_breaker *breaker, apr_time_t now);

/* Whether the server may be asked now: closed, or it rested and nobody probes it. */
bool circuit_breaker_is_due(const struct circuit_breaker *breaker, apr_time_t now);

/* It is going to be asked, because it is due. True: this request is the probe, whose end
 * is to be told by one of the next two. */
bool circuit_breaker_begin(struct circuit_breaker *breaker);

/* A request ended; also to be told of those that were under way before it opened. */
void circuit_breaker_note(struct circuit_breaker *breaker, bool is_good, apr_time_t now);

/* The probe ended without telling anything about the server. */
void circuit_breaker_forget_probe(struct circuit_breaker *breaker);

#endif
