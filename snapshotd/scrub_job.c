/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of a scrub on a thread of its own. */
#include "snapshotd/scrub_job.h"

#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"

/* ioprio_set(2); the C library has neither the call nor its constants. */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_IDLE  3
#define IOPRIO_CLASS_SHIFT 13
#define LOWEST_PRIORITY    19
/* A stop is seen so soon. */
#define NAP 100000

/* For this thread only. Where it is not allowed the scrub is polite by its rate alone. */
static void give_way(void)
{
    id_t thread = (id_t)syscall(SYS_gettid);

    setpriority(PRIO_PROCESS, thread, LOWEST_PRIORITY);
    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
            IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT);
}

static void say(void *baton, const char *line)
{
    const struct scrub_job *job = baton;
    bool is_good = strncmp(line, "repaired: ", 10) == 0;

    log_write(is_good ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "scrub repository=%s %s",
              job->repository->local_name, line);
}

static void pause_for(void *baton, int64_t bytes)
{
    struct scrub_job *job = baton;
    apr_interval_time_t left = pace_delay(&job->pace, bytes, apr_time_now());

    while (left > 0 && !__atomic_load_n(&job->stop, __ATOMIC_RELAXED)) {
        apr_interval_time_t nap = left < NAP ? left : NAP;

        apr_sleep(nap);
        left -= nap;
    }
}

static void *scrub_job_main(void *baton)
{
    struct scrub_job *job = baton;
    uint64_t one = 1;

    give_way();
    job->options.say = say;
    job->options.stop = &job->stop;
    job->options.baton = job;
    if (job->pace.bytes_per_second > 0)
        job->options.pause = pause_for;
    job->ok =
        scrub_run(&job->result, job->repository, &job->options, job->pool, &job->error);
    job->ended = apr_time_now();
    __atomic_store_n(&job->is_done, 1, __ATOMIC_RELEASE);
    if (write(job->done_fd, &one, sizeof(one)) != sizeof(one))
        log_write(LOG_LEVEL_ERROR, "cannot wake the main loop");
    return NULL;
}

bool scrub_job_start(struct scrub_job *job, struct error *error)
{
    return thread_start(&job->thread, scrub_job_main, job, error);
}

void scrub_job_join(struct scrub_job *job)
{
    pthread_join(job->thread, NULL);
}
