/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a server and its repositories: read from the files that the programs leave
 * behind, for replicactl status and the status door. */
#ifndef REPLICA_STORE_SERVER_REPORT_H
#define REPLICA_STORE_SERVER_REPORT_H

#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/geo/geo_state.h"
#include "libreplica/store/repository.h"
#include "libreplica/store/scrub_state.h"

/* Of one of several upstreams, as snapshotd's last run found it. */
struct upstream_report {
    const char *url;
    int64_t revision; /* that it offered, verified; -1 not known */
    bool is_healthy;
    const char *error; /* its last failure, or why it is not used; NULL: none */
};

/* Of a notification service whose events snapshotd follows. */
struct event_source_report {
    const char *url;
    bool is_strict; /* it only knows the stock stream */
    int repositories;
    int streams, connected;     /* connections that are wanted, and that are up */
    apr_time_t connected_since; /* all of them; 0: not all are */
    apr_time_t last_event;      /* 0: there was none */
    int64_t events, retries;
    const char *error; /* NULL: none */
};

/* Of a repository. Times are 0 and texts NULL where there is nothing to say. */
struct repository_report {
    const char *local_name;
    const char *fqrn;
    enum repository_kind kind;
    bool is_pass_through;
    bool is_partial;     /* only what its rules include is here */
    const char *problem; /* with its configuration or its manifest */

    int64_t revision; /* served; -1: nothing is published */
    apr_time_t published;
    apr_time_t whitelist_expires;

    apr_time_t last_snapshot; /* that succeeded */
    apr_time_t last_attempt;
    const char *last_error;              /* the last attempt failed */
    int64_t upstream_revision;           /* as last seen; -1 not known */
    apr_time_t upstream_published;       /* */
    const apr_array_header_t *upstreams; /* of struct upstream_report; empty for one */
    apr_time_t running_since;            /* a snapshot is under way */
    int64_t running_objects;             /* fetched by it so far; -1 not known */
    int64_t running_bytes;
    apr_time_t next_snapshot; /* by snapshotd */
    int64_t place; /* in the line of those that are due, from 1; 0: it is not due */
    const apr_array_header_t *history; /* of struct snapshot_record */

    apr_time_t last_gc;
    apr_time_t last_check;
    bool check_failed;

    apr_time_t last_scrub;             /* when the last round ended */
    int scrub_percent;                 /* of the round under way; -1 none */
    struct scrub_counters scrub;       /* since ever */
    struct scrub_counters scrub_round; /* the one under way, else the last one */
    int scrub_open;                    /* objects that are damaged or missing still */

    const char
        *signing_error; /* why snapshotd cannot sign the whitelist, which it should */
    bool signing_alert; /* and that ends soon */
};

struct server_report {
    apr_time_t now;
    const apr_array_header_t *repositories; /* struct repository_report, by local name */

    const char *storage; /* the directory that new trees are in, and its file system */
    int64_t total_bytes; /* 0 not known */
    int64_t free_bytes;
    int64_t free_inodes;

    struct geo_state geo;
    const char *geo_error;                   /* of the last update by snapshotd */
    apr_time_t daemon_reported;              /* when snapshotd last had news */
    const apr_array_header_t *event_sources; /* struct event_source_report */
    int waiting; /* repositories that are due and wait for their turn */
};

/* Read everything. Signatures are not checked.
 *   now    to compare times with
 *   pool   owns all of *report
 * False: the configuration directory cannot be read; what is wrong with a single
 * repository is in its own problem. Thread-safe. */
bool server_report_read(struct server_report *report, const char *confdir,
                        const struct settings *server, apr_time_t now, apr_pool_t *pool,
                        struct error *error);

enum repository_state {
    REPOSITORY_GOOD,
    REPOSITORY_IN_PROGRESS,
    REPOSITORY_FAILING,           /* the last attempt */
    REPOSITORY_OLD,               /* no good snapshot for eight hours */
    REPOSITORY_NEVER_SNAPSHOTTED, /* */
    REPOSITORY_OUT_OF_SERVICE,    /* has a problem */
    REPOSITORY_PASSED_THROUGH,
    REPOSITORY_EXPIRING, /* published here; its whitelist ends soon and cannot be signed
                          */
    REPOSITORY_PUBLISHED_HERE
};

/* The first thing a person should know of it. */
enum repository_state repository_report_state(const struct repository_report *repository,
                                              apr_time_t now);
/* "good", "in progress", ... */
const char *repository_state_name(enum repository_state state);

/* Seconds since the last good snapshot; -1 if there never was one. */
int64_t repository_report_age(const struct repository_report *repository, apr_time_t now);

/* Seconds that what is served lies behind what the upstream published, as last seen; 0
 * if it does not, -1 if that is not known. */
int64_t repository_report_lag(const struct repository_report *repository, apr_time_t now);

/* Whole days until its whitelist expires; -1 if there is none. */
int64_t repository_report_days_left(const struct repository_report *repository,
                                    apr_time_t now);

/* Whole days until the geo database is 30 days here, which is as long as its licence and
 * monitors allow; 0 afterwards, -1 if there is none. */
int64_t server_report_geo_days_left(const struct server_report *report);

/* When its next snapshot is, for people: "3 min", "no. 2 in line", or "" if that is not
 * known or one is under way. */
const char *repository_report_next(const struct repository_report *repository,
                                   apr_time_t now, apr_pool_t *pool);

/* How it is, for people: "connected for 3 min", "not connected". */
const char *event_source_report_state(const struct event_source_report *source,
                                      apr_time_t now, apr_pool_t *pool);

/* As JSON text, documented in docs/operating.md. NULL without memory. */
const char *server_report_json(const struct server_report *report, apr_pool_t *pool);

#endif
