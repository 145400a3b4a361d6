/* SPDX-License-Identifier: Apache-2.0 */
/* The lazy update of the geo database, on a thread of its own. */
#ifndef REPLICA_SNAPSHOTD_GEO_JOB_H
#define REPLICA_SNAPSHOTD_GEO_JOB_H

#include <pthread.h>
#include <stdint.h>
#include <apr_time.h>
#include "libreplica/operate/update_geodb.h"

struct geo_job {
    apr_pool_t *pool; /* its own, used by its thread alone until it is done */
    pthread_t thread;
    const char *confdir;
    const struct settings *server; /* its own: the daemon may reload */
    const char *identity;          /* of the host */
    const volatile int *stop;
    int done_fd; /* an eventfd that is told when the job is done */
    apr_time_t started;
    volatile int is_done;
    apr_time_t ended;
    struct geo_update_result result;
    int64_t build_epoch; /* of the database now in place; 0: none that can be used */
    bool ok;
    struct error error;
};

/* Start the job's thread; all fields above `is_done` but thread are set. */
bool geo_job_start(struct geo_job *job, struct error *error);

/* Wait for the thread of a job that is done or was told to stop. */
void geo_job_join(struct geo_job *job);

#endif
