/* SPDX-License-Identifier: Apache-2.0 */
/* One snapshot run on a thread of its own. */
#include "snapshotd/job.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"
#include "libreplica/operate/run_log.h"

static void say(void *baton, const char *line)
{
    const struct job *job = baton;

    run_log_say(job->log, line);
}

/* For the status file, while the run goes on. */
static void note_progress(void *baton, const struct catalog_walk_counters *counters)
{
    struct job *job = baton;

    __atomic_store_n(&job->objects, counters->objects_fetched, __ATOMIC_RELAXED);
    __atomic_store_n(&job->bytes, counters->bytes_fetched, __ATOMIC_RELAXED);
}

static void *job_main(void *baton)
{
    struct job *job = baton;
    struct replica_snapshot_options options = {
        .abort_on_conflict = true,
        .passes_caches = job->passes_caches,
        .accept_older = SNAPSHOT_NO_OLDER,
        .stop = job->stop,
        .say = say,
        .progress = note_progress,
        .baton = job,
    };
    uint64_t one = 1;
    struct error error;
    int fd;

    job->log = run_log_begin(job->entry->local_name, job->pool);
    job->ok = replica_snapshot(&job->outcome, job->repository, &options, job->pool,
                               &job->error);
    job->ended = apr_time_now();
    if (!job->ok)
        run_log_error(job->log, "snapshot", &job->error);
    else if (job->outcome.gc_failed)
        run_log_error(job->log, "snapshot", &job->outcome.gc_error);
    if (job->outcome.gc_failed)
        log_write(LOG_LEVEL_WARNING, "repository=%s %s", job->entry->local_name,
                  job->outcome.gc_error.message);
    fd = run_log_open(job->log_file, &error);
    if (fd < 0 || !run_log_end(job->log, fd, &error))
        log_write(LOG_LEVEL_WARNING, "%s", error.message);
    if (fd >= 0)
        close(fd);
    __atomic_store_n(&job->is_done, 1, __ATOMIC_RELEASE);
    /* The counter cannot be full: each job adds one. */
    if (write(job->done_fd, &one, sizeof(one)) != sizeof(one))
        log_write(LOG_LEVEL_ERROR, "cannot wake the main loop");
    return NULL;
}

bool job_start(struct job *job, struct error *error)
{
    return thread_start(&job->thread, job_main, job, error);
}

void job_join(struct job *job)
{
    pthread_join(job->thread, NULL);
}
