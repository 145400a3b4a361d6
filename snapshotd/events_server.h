/* SPDX-License-Identifier: Apache-2.0 */
/* The process that serves events to strangers: one loop, no private key, and nothing that
 * it may write but the event log. */
#ifndef REPLICA_SNAPSHOTD_EVENTS_SERVER_H
#define REPLICA_SNAPSHOTD_EVENTS_SERVER_H

#include <apr_hash.h>
#include <event2/event.h>
#include <event2/http.h>
#include "libreplica/base/settings.h"
#include "snapshotd/events_worker.h"

struct topic;
struct request_rates;

struct events_server {
    apr_pool_t *pool;
    const char *confdir;
    struct settings *settings;
    apr_pool_t *settings_pool; /* replaced by a reload */
    const char *log;
    struct event_base *base;
    struct evhttp *http;
    struct worker *worker;
    int64_t last_sequence; /* that was read from the log */
    bool is_reading;
    bool reads_again;   /* there was news meanwhile */
    apr_hash_t *topics; /* struct topic by name, each for ever */
    int subscribers;
    int subscribers_max;
    apr_hash_t *arrivals; /* connections that have not asked yet, by bufferevent */
    struct request_rates *rates;
    char *repositories; /* what GET /repos answered last; of malloc */
    apr_time_t repositories_read;
};

/* events_main.c: serve until TERM or INT. Returns the exit code. */
int events_run(const char *confdir, apr_pool_t *pool);

/* events_listen.c: the sockets that were inherited, or one of our own. */
bool events_listen(struct events_server *server, struct error *error);
/* The request of a connection has arrived: its time to do so no longer counts. */
void events_arrived(struct events_server *server, struct evhttp_request *request);

/* events_requests.c: the callback for all requests. */
void events_answer(struct evhttp_request *request, void *server);
/* For callbacks of connections that end: libevent leaves the request of one that the
 * client has closed to us, and no other. */
void events_release(struct evhttp_request *request);
/* A reply as the stock tools need it: short, in one piece, with Content-Length. */
void events_reply(struct evhttp_request *request, int code, const char *json);
void events_reply_error(struct evhttp_request *request, int code, const char *reason);

/* events_publish.c: POST of an activity message. */
void events_publish(struct events_server *server, struct evhttp_request *request);
/* Whether the client may send one more now. */
bool events_rate_allows(struct events_server *server, struct evhttp_request *request);

/* events_queries.c: what can be asked about the server, as the gateway answers it. */
void events_query(struct events_server *server, struct evhttp_request *request,
                  const char *path);

/* events_subscribe.c: GET of the stream. */
void events_subscribe(struct events_server *server, struct evhttp_request *request);

/* events_stream.c: a subscription that is served.
 *   names   COUNT names of repositories
 *   since   what has this sequence or a lower one is known; 0: nothing is
 * An extended stream has identifiers, and comments that keep it alive. */
#define EVENTS_TOPICS_MAX 64
void events_stream(struct events_server *server, struct evhttp_request *request,
                   const char *const *names, int count, int64_t since, bool is_extended);
/* There may be news in the log. */
void events_read_log(struct events_server *server);
/* Keys or repositories may have changed: verify every message again before it is sent. */
void events_distrust(struct events_server *server);
/* From time to time: comments for the extended streams, and messages that did not verify
 * are tried again. */
void events_keep_alive(struct events_server *server);

#endif
