/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's loop: signals, the schedule, jobs that end. */
#ifndef REPLICA_SNAPSHOTD_DAEMON_H
#define REPLICA_SNAPSHOTD_DAEMON_H

#include <apr_hash.h>
#include "libreplica/base/log.h"
#include "libreplica/base/settings.h"
#include "snapshotd/door.h"
#include "snapshotd/event_sources.h"
#include "snapshotd/geo_job.h"
#include "snapshotd/job.h"
#include "snapshotd/schedule.h"
#include "snapshotd/scrub_job.h"
#include "snapshotd/scrub_plan.h"
#include "snapshotd/sign_plan.h"

struct daemon {
    apr_pool_t *pool;
    const char *confdir;
    const char *user;        /* whose repositories are served */
    apr_pool_t *server_pool; /* of the settings; replaced by a reload */
    struct settings *server;
    struct schedule *schedule;
    struct job *jobs; /* running */
    int job_count;
    struct geo_job *geo;          /* running, or NULL */
    apr_time_t geo_next;          /* not before */
    apr_array_header_t *scrubs;   /* struct scrub_entry *, each of malloc */
    struct scrub_job *scrub;      /* running, or NULL */
    struct scrub_entry *scrubbed; /* by it */
    struct pace scrub_pace;
    apr_time_t scrub_next;        /* not before */
    apr_time_t missing_next;      /* when to take what httpd reported */
    struct door *door;            /* the socket, or NULL */
    apr_array_header_t *signings; /* struct sign_entry *, each of malloc */
    apr_hash_t *alerted; /* names whose whitelists an earlier process alerted to */
    struct event_sources *sources; /* NULL: nobody tells of anything */
    apr_array_header_t *followed;  /* struct followed_replica, of the last scan */
    int signal_fd;
    int done_fd;
    apr_time_t next_scan;
    volatile int stop;
    apr_pool_t *reported_pool;
    apr_hash_t *reported;         /* what was already complained about, by text */
    apr_array_header_t *foreign;  /* names of repositories of other users */
    apr_array_header_t *problems; /* struct replica_problem */
    apr_pool_t *scan_pool;        /* of the last scan's lists */
    char *status;                 /* as last written; of malloc */
    uint64_t random_state;
};

/* Read the settings and clean up after a crash. False: a setting is bad, or it runs
 * already. */
bool daemon_init(struct daemon *daemon, apr_pool_t *pool, struct error *error);

/* Run until TERM or INT. Returns the exit code. */
int daemon_run(struct daemon *daemon);
/* Some number, to spread what would happen at once. */
uint64_t daemon_random(struct daemon *daemon);

/* daemon_scan.c: find the replicas and give them to the schedule. */
void daemon_scan(struct daemon *daemon);
bool daemon_scan_is_due(const struct daemon *daemon);
/* Remove what runs cut off by a crash left behind. */
void daemon_clean_up(struct daemon *daemon);
/* A complaint that a scan every few seconds must not repeat. */
void daemon_report_once(struct daemon *daemon, enum log_level level, const char *text);
void daemon_forget_reports(struct daemon *daemon);
apr_time_t daemon_interval(const struct repository *repository);

/* daemon_geo.c: start the update of the geo database if it is time to look, and take the
 * result of one that ended. */
void daemon_geo_start_due(struct daemon *daemon);
void daemon_geo_collect(struct daemon *daemon);

/* daemon_scrub.c: start the next piece of a scrub, or repairs, and take the result of one
 * that ended. */
void daemon_scrub_see(struct daemon *daemon, const struct repository *repository,
                      apr_time_t last_snapshot);
void daemon_scrub_forget_unseen(struct daemon *daemon);
void daemon_scrub_start_due(struct daemon *daemon);
void daemon_scrub_collect(struct daemon *daemon);
/* WAKE, or when the next piece or report may be due if that is sooner. */
apr_time_t daemon_scrub_wake(const struct daemon *daemon, apr_time_t wake);
/* Tell the one that runs to end soon, with its place kept. */
void daemon_scrub_stop(struct daemon *daemon);

/* daemon_missing.c: make the folder that httpd reports into; take what is there. */
void daemon_make_missing_folder(struct daemon *daemon);
void daemon_take_missing(struct daemon *daemon);

/* daemon_events.c: append the heads of this user's repositories to the event log that it
 * lacks: those of a crash, and all if it is new. */
void daemon_announce(struct daemon *daemon);

/* daemon_sign.c: sign whitelists of Stratum 0s anew, and alert if that is not possible.
 */
void daemon_sign_begin(struct daemon *daemon);
void daemon_sign_see(struct daemon *daemon, const struct repository *repository);
void daemon_sign_forget_unseen(struct daemon *daemon);
void daemon_sign_end(struct daemon *daemon);
void daemon_sign_due(struct daemon *daemon);
/* Look at all of them now. */
void daemon_sign_hurry(struct daemon *daemon);
/* WAKE, or when the next look is if that is sooner. */
apr_time_t daemon_sign_wake(const struct daemon *daemon, apr_time_t wake);

/* daemon_door.c: open the socket, once there is an access file; close it. */
void daemon_open_door(struct daemon *daemon);
void daemon_close_door(struct daemon *daemon);

/* daemon_sources.c: follow the events of the upstreams, and take what they tell. */
void daemon_sources_see(struct daemon *daemon, const struct repository *repository);
/* The scan has seen all. */
void daemon_sources_settle(struct daemon *daemon);
void daemon_sources_take(struct daemon *daemon);
void daemon_sources_ran(const struct job *job);
void daemon_sources_stop(struct daemon *daemon);

/* daemon_status.c: <spool>/snapshotd.json, for people and monitors; left as it is if
 * there is nothing new in it. Each of the jobs that ended may be NULL. */
void daemon_write_status(struct daemon *daemon, const struct job *ended,
                         const struct geo_job *geo_ended);

#endif
