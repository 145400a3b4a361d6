/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of a scrub, or of repairs, on a thread of its own that gives way to all others.
 */
#ifndef REPLICA_SNAPSHOTD_SCRUB_JOB_H
#define REPLICA_SNAPSHOTD_SCRUB_JOB_H

#include <pthread.h>
#include "libreplica/base/pace.h"
#include "libreplica/operate/scrub.h"

struct scrub_job {
    apr_pool_t *pool; /* its own, used by its thread alone until it is done */
    pthread_t thread;
    struct repository *repository;
    struct pace pace;
    struct scrub_options options; /* but say, pause, stop and baton */
    volatile int stop;            /* set by the main loop */
    int done_fd;                  /* an eventfd that is told when the job is done */
    apr_time_t started;
    volatile int is_done;
    apr_time_t ended;
    struct scrub_result result;
    bool ok;
    struct error error;
};

/* Start the job's thread; all fields above `is_done` but thread are set. */
bool scrub_job_start(struct scrub_job *job, struct error *error);

/* Wait for the thread of a job that is done or was told to stop. */
void scrub_job_join(struct scrub_job *job);

#endif
