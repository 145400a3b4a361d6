/* SPDX-License-Identifier: Apache-2.0 */
/* How many transfers at once a server is worth: found out while they run.
 *
 * Over a long line one connection carries one small object a round trip, so many are
 * needed; on a short one a few do, and a server that is short of breath wants fewer. The
 * limit doubles as long as that brings more, goes back when it does not, tries again
 * later in small steps, and halves when the server refuses or fails. No clock, no
 * sockets: times are given. */
#ifndef REPLICA_NET_CONNECTION_LIMIT_H
#define REPLICA_NET_CONNECTION_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_time.h>

/* How a try ended, as far as the server's strength is concerned. */
enum try_end {
    TRY_GOOD,      /* an answer, be it 404 */
    TRY_FAILED,    /* connection or transfer broke, or an error of the server */
    TRY_OVERLOADED /* the server asked for patience: 429 or 503 */
};

struct connection_limit {
    int limit; /* what applies now, 1..most */
    int most;
    int before;          /* the limit before the step on trial */
    int doubling_below;  /* up to here steps are large */
    bool is_on_trial;    /* the last step has yet to show that it brings something */
    double gain_least;   /* what the step has to bring */
    int to_settle;       /* tries to pass over before it is judged */
    double objects_rate; /* before the step on trial, a microsecond */
    double bytes_rate;
    apr_time_t pause; /* after a step that brought nothing */
    apr_time_t step_after;
    apr_time_t shrink_after;
    apr_time_t careful_until;
    /* Since the window began: */
    apr_time_t began;
    int64_t bytes;
    int ended, ended_full, failed;
};

void connection_limit_init(struct connection_limit *limit, int most, apr_time_t now);

/* A try ended. IS_FULL: about as many ran as allowed, so the limit mattered. */
void connection_limit_note(struct connection_limit *limit, enum try_end end, bool is_full,
                           apr_time_t now);

/* BYTES of bodies arrived. */
void connection_limit_receive(struct connection_limit *limit, int64_t bytes);

/* Think it over, if enough has been seen. */
void connection_limit_update(struct connection_limit *limit, apr_time_t now);

#endif
