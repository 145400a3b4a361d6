/* SPDX-License-Identifier: Apache-2.0 */
/* One snapshot run on a thread of its own. */
#ifndef REPLICA_SNAPSHOTD_JOB_H
#define REPLICA_SNAPSHOTD_JOB_H

#include <pthread.h>
#include <apr_time.h>
#include "libreplica/operate/replica_snapshot.h"
#include "snapshotd/schedule.h"

struct job {
    struct job *next; /* in the list of running jobs */
    apr_pool_t *pool; /* its own, used by its thread alone until it is done */
    pthread_t thread;
    struct schedule_entry *entry;
    struct repository *repository;
    struct lock *slot;
    const char *log_file;
    struct run_log *log; /* of the run, made by the thread */
    const volatile int *stop;
    bool passes_caches; /* a hint told of it */
    int done_fd;        /* an eventfd that is told when the job is done */
    int64_t objects;    /* fetched so far; set by the thread, read by others atomically */
    int64_t bytes;
    volatile int is_done;
    apr_time_t started;
    apr_time_t ended;
    struct replica_snapshot_outcome outcome;
    bool ok;
    struct error error;
};

/* Start the job's thread; all fields above `is_done` but thread are set. */
bool job_start(struct job *job, struct error *error);

/* Wait for the thread of a job that is done or was told to stop. */
void job_join(struct job *job);

#endif
