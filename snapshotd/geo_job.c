/* SPDX-License-Identifier: Apache-2.0 */
/* The lazy update of the geo database, on a thread of its own. */
#include "snapshotd/geo_job.h"

#include <string.h>
#include <unistd.h>

#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"
#include "libreplica/geo/geo_state.h"

/* What it begins is seen by its end; only warnings are news. */
static void say(void *baton, const char *text)
{
    if (strncmp(text, "WARNING: ", 9) == 0)
        log_write(LOG_LEVEL_WARNING, "geodb %.*s", (int)strcspn(text + 9, "\n"),
                  text + 9);
}

static void *geo_job_main(void *baton)
{
    struct geo_job *job = baton;
    struct geo_update_options options = {
        .is_lazy = true, .identity = job->identity, .stop = job->stop, .say = say};
    uint64_t one = 1;

    job->ok = update_geodb(&job->result, job->confdir, job->server, &options, job->pool,
                           &job->error);
    job->build_epoch = geo_state_read(job->server, job->pool).build_epoch;
    job->ended = apr_time_now();
    __atomic_store_n(&job->is_done, 1, __ATOMIC_RELEASE);
    if (write(job->done_fd, &one, sizeof(one)) != sizeof(one))
        log_write(LOG_LEVEL_ERROR, "cannot wake the main loop");
    return NULL;
}

bool geo_job_start(struct geo_job *job, struct error *error)
{
    return thread_start(&job->thread, geo_job_main, job, error);
}

void geo_job_join(struct geo_job *job)
{
    pthread_join(job->thread, NULL);
}
