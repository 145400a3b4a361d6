/* SPDX-License-Identifier: Apache-2.0 */
/* The fetch engine: many HTTP transfers at once on the caller's thread.
 *
 * A transfer streams into a sink. What fails for a passing reason (connect, stall, cut,
 * 5xx, 429) is tried again after a random pause that doubles; a cut large transfer goes
 * on where it stopped; bytes that the sink finds corrupt are fetched once more past all
 * caches; a definite answer (404, 403) is final. Where several servers have the same, all
 * of this leads to the next server first. Each server has its own limit and health.
 * Source: cvmfs-format 6.5; stratum1-http-and-ops 8. */
#ifndef REPLICA_NET_FETCH_H
#define REPLICA_NET_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"

struct fetcher;

struct fetcher_options {
    int connections; /* most transfers at once at one server, 1..512; how many really, is
                        found out */
    int timeout_seconds; /* to connect; also how long under 1 KiB/s counts as stalled */
    int retries;         /* more tries after a passing failure */
    int64_t bandwidth;   /* bytes a second over all transfers; 0: no cap */
    const char *proxy;   /* NULL or "": none */
    bool proxy_from_environment; /* without PROXY: https_proxy, no_proxy etc. count */
    const char *ca_bundle;       /* NULL or "": the system's */
    bool follow_redirects; /* at most four, 301 302 303 307 308, http and https only */
    bool keep_https;       /* a redirect from https must not lead to http */
    const volatile int
        *stop;           /* may be NULL; nonzero ends fetcher_run with ERROR_CANCELLED */
    apr_time_t deadline; /* of clock_now: as if it were stopped then; 0: none */
};

/* Where the bytes of one transfer go. All functions get BATON and run on the caller's
 * thread inside fetcher_run. */
struct fetch_sink {
    bool (*write)(void *baton, const void *bytes, size_t length, struct error *error);
    /* The transfer starts over: forget what was written. */
    bool (*rewind)(void *baton, struct error *error);
    /* All bytes are there: check them. Not called after a 304. ERROR_BAD_HASH: fetch once
     * more past caches. Any other error, here and above, ends the transfer with it. */
    bool (*complete)(void *baton, struct error *error);
    /* The end, exactly once; ERROR is NULL after success. May add further transfers. */
    void (*done)(void *baton, const struct error *error);
};

#define FETCH_VALIDATOR_SIZE 128
#define FETCH_REFUSAL_SIZE   160

/* What the last answer to a request said beside its body. */
struct fetch_answer {
    bool is_not_modified;                     /* 304: there was no body */
    char etag[FETCH_VALIDATOR_SIZE];          /* as received; "" if there was none */
    char last_modified[FETCH_VALIDATOR_SIZE]; /* the same */
    char refusal[FETCH_REFUSAL_SIZE];         /* how the body of an error page begins:
                                                 any bytes but NUL */
};

/* Strings must outlive the transfer unless it is said that they are copied. All members
 * but the sink, its baton and a URL may be zero. */
struct fetch_request {
    const char *base_url; /* without trailing slash; NULL: any of the upstreams */
    const char *path; /* below it, escaped if need be; copied; NULL: base_url is all */
    const char *name; /* for messages, in the place of a URL that holds a secret */
    const char *credentials;   /* "user:password" for basic authentication; no redirect
                                  takes them to another host or port */
    const char *if_none_match; /* the etag of what we have */
    const char *if_modified_since; /* the last_modified of what we have */
    int total_seconds;             /* for all tries together; 0: no limit */
    bool is_single_try;            /* a passing failure is not tried again */
    struct fetch_answer *answer;   /* filled before sink->complete and sink->done */
    bool head_only;                /* HEAD: no write, complete is called */
    bool no_cache;                 /* ask caches in between to stand aside */
    int64_t size_limit;            /* most bytes of the body; more is ERROR_TOO_LARGE */
    const struct fetch_sink *sink;
    void *baton;
};

struct fetch_counters {
    int64_t requests; /* sent, retries included */
    int64_t retries;
    int64_t resumed; /* retries that went on with Range */
    int64_t corrupt; /* answers whose bytes did not hash to their name */
    int64_t bytes;   /* of bodies received */
    int most_at_once;
};

/* False: ERROR_IO if libcurl cannot be set up. POOL owns the fetcher and its connections.
 */
bool fetcher_create(struct fetcher **fetcher, const struct fetcher_options *options,
                    apr_pool_t *pool, struct error *error);

/* Whether another transfer would start at once; adding more is allowed but only queues.
 */
bool fetcher_has_room(const struct fetcher *fetcher);
/* How many transfers at once the server that is asked next is found to be worth at the
 * moment. */
int fetcher_width(const struct fetcher *fetcher);
/* Transfers that are not done. */
int fetcher_pending(const struct fetcher *fetcher);

/* A server that has what the others have. */
struct fetch_upstream {
    const char *url; /* without trailing slash; copied */
    bool is_resting; /* it is known to be in trouble: asked later, or if no other helps */
};

#define FETCH_UPSTREAMS_MAX 16

/* From now on requests without base_url go to these, in that order; none is under way.
 * What a server does not have, refuses, or sends corrupt, is asked from the next one. One
 * that fails again and again is passed over for a while. ERROR_NOT_FOUND means: the first
 * one says so, and every other that is not resting. */
void fetcher_set_upstreams(struct fetcher *fetcher,
                           const struct fetch_upstream *upstreams, int count);

struct fetch_server_facts {
    int64_t requests; /* sent, retries included */
    int64_t bytes;    /* of bodies received */
    int64_t failures; /* requests that ended for a passing reason or with wrong bytes */
    bool is_resting;
    struct error last_failure; /* an empty message if there was none */
};

/* How the server of a base URL did; all zero if it was never asked. */
struct fetch_server_facts fetcher_server_facts(const struct fetcher *fetcher,
                                               const char *base_url);

void fetcher_add(struct fetcher *fetcher, const struct fetch_request *request);

/* Move transfers along; returns after at most TIMEOUT_MILLISECONDS, or earlier once any
 * ended. False: ERROR_CANCELLED (nothing is aborted by that: see fetcher_abort),
 * ERROR_IO. */
bool fetcher_run(struct fetcher *fetcher, int timeout_milliseconds, struct error *error);

/* End all transfers now: done is called with *REASON for each. */
void fetcher_abort(struct fetcher *fetcher, const struct error *reason);

struct fetch_counters fetcher_counters(const struct fetcher *fetcher);

/* Fetch one small file into memory, waiting for it and whatever else is under way.
 * Errors: ERROR_NOT_FOUND (404, 410), ERROR_REFUSED (other final answers),
 * ERROR_UNREACHABLE (retries did not help), ERROR_TOO_LARGE, ERROR_CANCELLED. */
bool fetch_text(struct text *text, struct fetcher *fetcher, const char *base_url,
                const char *path, int64_t size_limit, bool no_cache, apr_pool_t *pool,
                struct error *error);

/* The same for REQUEST, whose sink and baton are not looked at. *text is "" after a 304.
 */
bool fetch_text_of(struct text *text, struct fetcher *fetcher,
                   const struct fetch_request *request, apr_pool_t *pool,
                   struct error *error);

/* The same for bytes that hash to HASH; else ERROR_BAD_HASH. */
bool fetch_object_text(struct text *text, struct fetcher *fetcher,
                       const struct fetch_request *request, const struct hash *hash,
                       apr_pool_t *pool, struct error *error);

/* How one of several requests ended. */
struct fetch_text_result {
    bool ok;
    struct text text;
    struct error error; /* unless it is ok */
};

/* Several small files side by side; fills COUNT results. False: ERROR_CANCELLED,
 * ERROR_IO.
 */
bool fetch_texts(struct fetch_text_result *results, struct fetcher *fetcher,
                 const struct fetch_request *requests, int count, apr_pool_t *pool,
                 struct error *error);

/* HEAD: true if it is there. Errors as above. */
bool fetch_exists(struct fetcher *fetcher, const char *base_url, const char *path,
                  struct error *error);

#endif
