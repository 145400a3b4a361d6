/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine and its transfers share; nobody else includes this. */
#ifndef REPLICA_NET_FETCH_INTERNAL_H
#define REPLICA_NET_FETCH_INTERNAL_H

#include <apr_ring.h>
#include <apr_time.h>
#include <curl/curl.h>

#include "libreplica/net/circuit_breaker.h"
#include "libreplica/net/connection_limit.h"
#include "libreplica/net/fetch.h"

#define TRANSFER_PATH_SIZE      256
#define TRANSFER_URL_SIZE       2048
#define TRANSFER_VALIDATOR_SIZE 128

/* What to do after a try: VERDICT_MOVE is another one at once, VERDICT_RETRY after a
 * pause. */
enum transfer_verdict { VERDICT_DONE, VERDICT_MOVE, VERDICT_RETRY, VERDICT_FAILED };

struct transfer {
    APR_RING_ENTRY(transfer) link;
    struct fetcher *fetcher;
    struct fetch_server *server; /* that it is queued for or runs at */
    bool may_move;               /* any upstream will do, and there are several */
    bool is_probe;               /* of the server's circuit breaker */
    bool is_mixed;               /* what the sink holds comes from several servers */
    uint32_t asked;     /* upstreams that failed since the last pause, a bit each */
    uint32_t tried;     /* those that failed at any time */
    uint32_t given_up;  /* those that cannot give the right bytes */
    uint32_t have_none; /* of these, those that said it is not there */
    uint32_t unsure;    /* those that answered, with a passing error */
    bool is_answer;     /* the failure of the try came as an HTTP status */
    struct error kept;  /* what is most worth telling about those that failed */
    CURL *easy;         /* kept over uses: its connection and options stay */
    struct curl_slist *headers; /* of the running try */
    struct fetch_request request;
    char path[TRANSFER_PATH_SIZE];
    char
        validator[TRANSFER_VALIDATOR_SIZE]; /* strong ETag or Last-Modified, "" if none */
    int64_t held;                           /* bytes the sink holds */
    bool start_over;   /* what the sink holds is no beginning of the object */
    int64_t resume_at; /* the running try asked for bytes from here on; 0: all */
    bool answer_seen;  /* the running try's status line was judged */
    bool body_ignored; /* the body belongs to an error page */
    bool is_paused;    /* by the bandwidth cap */
    bool sink_failed;  /* ERROR holds the sink's own error */
    int failures;
    int corruptions;
    int mixtures;           /* of several servers' parts that did not fit */
    apr_time_t not_before;  /* waiting for its next try */
    apr_time_t deadline;    /* of all tries; 0: none */
    apr_time_t retry_after; /* what the server asked for, a duration */
    char curl_message[CURL_ERROR_SIZE];
    struct error error;
};
APR_RING_HEAD(transfer_ring, transfer);

/* One server: how much it stands and how it does. */
struct fetch_server {
    struct fetch_server *next;
    const char *base_url;
    struct transfer_ring queued; /* want to start */
    int queued_count;
    int running_count;
    struct connection_limit limit;
    bool is_full; /* about as many run as the limit allows */
    struct circuit_breaker breaker;
    bool was_reported; /* that it rests, in the log */
    struct fetch_server_facts facts;
};

struct fetcher {
    apr_pool_t *pool;
    struct fetcher_options options;
    CURLM *multi;
    struct transfer_ring waiting; /* pause before the next try */
    struct transfer_ring running;
    struct transfer_ring idle; /* to be used again */
    int running_count;
    int waiting_count;
    int queued_count;
    struct fetch_server *servers;
    struct fetch_server *latest; /* that a request which names its server went to */
    struct fetch_server *upstreams[FETCH_UPSTREAMS_MAX];
    int upstreams_count;
    int64_t budget; /* bytes the bandwidth cap still allows; negative: pause */
    apr_time_t budget_at;
    bool any_paused;
    uint64_t random_state;
    struct fetch_counters counters;
};

/* fetch.c: once, before anything else is asked of libcurl. */
bool fetch_start_libcurl(void);

/* fetch_transfer.c */
bool transfer_init(struct transfer *transfer, struct fetcher *fetcher,
                   struct error *error);
void transfer_start(struct transfer *transfer);
enum transfer_verdict transfer_judge(struct transfer *transfer, CURLcode result);
/* After a passing failure, or one that another server need not have. */
enum transfer_verdict transfer_retry(struct transfer *transfer);
/* Forget what the sink holds; false if the sink cannot. */
bool transfer_rewind(struct transfer *transfer);
void transfer_release(struct transfer *transfer);

/* fetch_server.c: the server of BASE_URL, with a limit of its own. */
struct fetch_server *fetch_server_get(struct fetcher *fetcher, const char *base_url);
/* Queue a transfer at its server; FIRST: before the others. */
void fetch_server_queue(struct transfer *transfer, bool first);
/* Start what the servers' limits allow. */
void fetch_servers_start(struct fetcher *fetcher);
/* A try of TRANSFER ended so. Before it is queued again: it may go elsewhere. */
void fetch_server_note(struct transfer *transfer, enum try_end end, bool is_good);

/* fetch_upstreams.c: take the upstream that is to be asked next. */
void fetch_upstreams_choose(struct transfer *transfer);
/* The one that new requests go to; NULL without any. */
struct fetch_server *fetch_upstreams_preferred(const struct fetcher *fetcher);
/* The server failed for a passing reason: whether another one can be asked at once. */
bool fetch_upstreams_have_another(struct transfer *transfer);
/* All tries are used up: whether one was never asked, because it rested. */
bool fetch_upstreams_have_untried(const struct transfer *transfer);
/* The server will not give the object: what now? */
enum transfer_verdict fetch_upstreams_give_up(struct transfer *transfer);

#endif
