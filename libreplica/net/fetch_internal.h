/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine and its transfers share; nobody else includes this. */
#ifndef REPLICA_NET_FETCH_INTERNAL_H
#define REPLICA_NET_FETCH_INTERNAL_H

#include <apr_ring.h>
#include <apr_time.h>
#include <curl/curl.h>

#include "libreplica/net/connection_limit.h"
#include "libreplica/net/fetch.h"

#define TRANSFER_PATH_SIZE      256
#define TRANSFER_URL_SIZE       2048
#define TRANSFER_VALIDATOR_SIZE 128

/* What to do after a try. */
enum transfer_verdict { VERDICT_DONE, VERDICT_RETRY, VERDICT_FAILED };

struct transfer {
    APR_RING_ENTRY(transfer) link;
    struct fetcher *fetcher;
    CURL *easy;                 /* kept over uses: its connection and options stay */
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
    apr_time_t not_before;  /* waiting for its next try */
    apr_time_t deadline;    /* of all tries; 0: none */
    apr_time_t retry_after; /* what the server asked for, a duration */
    char curl_message[CURL_ERROR_SIZE];
    struct error error;
};
APR_RING_HEAD(transfer_ring, transfer);

struct fetcher {
    apr_pool_t *pool;
    struct fetcher_options options;
    CURLM *multi;
    struct transfer_ring queued;  /* want to start */
    struct transfer_ring waiting; /* pause before the next try */
    struct transfer_ring running;
    struct transfer_ring idle; /* to be used again */
    int running_count;
    int waiting_count;
    int queued_count;
    struct connection_limit limit;
    bool is_full;   /* about as many run as the limit allows */
    int64_t budget; /* bytes the bandwidth cap still allows; negative: pause */
    apr_time_t budget_at;
    bool any_paused;
    uint64_t random_state;
    struct fetch_counters counters;
};

/* fetch_transfer.c */
bool transfer_init(struct transfer *transfer, struct fetcher *fetcher,
                   struct error *error);
void transfer_start(struct transfer *transfer);
enum transfer_verdict transfer_judge(struct transfer *transfer, CURLcode result);
void transfer_release(struct transfer *transfer);

#endif
