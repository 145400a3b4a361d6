/* SPDX-License-Identifier: Apache-2.0 */
/* The threads beside the loop that serves events. */
#include "snapshotd/events_worker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"
#include "libreplica/events/announce.h"
#include "libreplica/operate/activity_check.h"

/* Events that one task reads; what is left the next one reads. */
#define READ_MAX 256

struct queue {
    struct worker *worker;
    bool may_fetch;
    struct task *first, **end;
    pthread_cond_t filled;
};

enum { QUEUE_HERE, QUEUE_ELSEWHERE, QUEUE_COUNT };

struct worker {
    const char *confdir;
    const char *log;
    int descriptor;
    int load; /* of the loop's thread alone */
    pthread_mutex_t mutex;
    struct queue queues[QUEUE_COUNT];
    struct task *done, **done_end;
};

static void put(struct queue *queue, struct task *task)
{
    task->next = NULL;
    *queue->end = task;
    queue->end = &task->next;
    pthread_cond_signal(&queue->filled);
}

static struct task *take(struct queue *queue)
{
    struct worker *worker = queue->worker;
    struct task *task;

    pthread_mutex_lock(&worker->mutex);
    while (queue->first == NULL)
        pthread_cond_wait(&queue->filled, &worker->mutex);
    task = queue->first;
    queue->first = task->next;
    if (queue->first == NULL)
        queue->end = &queue->first;
    pthread_mutex_unlock(&worker->mutex);
    return task;
}

static bool append(struct task *task, const struct activity *activity,
                   const struct manifest *manifest, const char *log)
{
    struct event_record event = announce_event(activity, manifest, "message", task->pool);

    return event_log_append(&task->fate, NULL, log, &event, task->pool, &task->error);
}

static bool find(struct task *task, const char *log)
{
    if (!event_log_last(&task->event, log, task->topic, task->pool, &task->error))
        return false;
    if (task->event == NULL)
        return error_set(&task->error, ERROR_NOT_FOUND, "it is no longer in the log");
    task->message = task->event->payload;
    return true;
}

/* The log as it is now; of what came before that the last of each topic. */
static bool read_log(struct task *task, const char *log)
{
    return task->since == 0
               ? event_log_retained(&task->events, log, task->pool, &task->error)
               : event_log_read(&task->events, log, task->since, NULL, READ_MAX,
                                task->pool, &task->error);
}

static bool check(struct task *task, const struct worker *worker, bool may_fetch)
{
    struct activity_check options = {.confdir = worker->confdir, .may_fetch = may_fetch};
    struct checked_activity checked;
    struct activity *activity;

    if (task->kind == TASK_CHECK && !find(task, worker->log))
        return false;
    if (!activity_parse(&activity, task->message, task->pool, &task->error) ||
        !activity_check(&checked, activity, &options, apr_time_now(), task->pool,
                        &task->error))
        return false;
    if (task->kind == TASK_CHECK && strcmp(task->topic, activity->fqrn) != 0)
        return error_set(&task->error, ERROR_NAME_MISMATCH, "the message is of %s",
                         activity->fqrn);
    task->topic = activity->fqrn;
    task->expires = checked.expires;
    task->revision = checked.manifest->revision;
    return task->kind == TASK_CHECK ||
           append(task, activity, checked.manifest, worker->log);
}

/* A certificate or whitelist that is newer than ours. A wrong signature is final: the
 * manifest names the certificate by its hash. */
static bool may_be_cured_elsewhere(const struct task *task)
{
    return task->kind != TASK_READ &&
           (task->error.code == ERROR_NOT_FOUND || task->error.code == ERROR_EXPIRED ||
            task->error.code == ERROR_NOT_LISTED);
}

static void *run(void *data)
{
    struct queue *queue = data;
    struct worker *worker = queue->worker;
    uint64_t one = 1;

    for (;;) {
        struct task *task = take(queue);
        bool moves;

        task->ok = task->kind == TASK_READ ? read_log(task, worker->log)
                                           : check(task, worker, queue->may_fetch);
        moves = !task->ok && !queue->may_fetch && may_be_cured_elsewhere(task);
        pthread_mutex_lock(&worker->mutex);
        task->next = NULL;
        if (moves) {
            put(&worker->queues[QUEUE_ELSEWHERE], task);
        } else {
            *worker->done_end = task;
            worker->done_end = &task->next;
        }
        pthread_mutex_unlock(&worker->mutex);
        if (!moves && write(worker->descriptor, &one, sizeof(one)) < 0)
            log_write(LOG_LEVEL_ERROR, "cannot write to the event descriptor");
    }
    return NULL;
}

bool worker_create(struct worker **worker, const char *confdir, const char *log,
                   apr_pool_t *pool, struct error *error)
{
    struct worker *made = apr_pcalloc(pool, sizeof(*made));

    made->confdir = confdir;
    made->log = log;
    made->done_end = &made->done;
    pthread_mutex_init(&made->mutex, NULL);
    made->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->descriptor < 0)
        return error_set_errno(error, errno, "cannot make an event descriptor");
    for (int i = 0; i < QUEUE_COUNT; i++) {
        struct queue *queue = &made->queues[i];
        pthread_t thread;

        queue->worker = made;
        queue->may_fetch = i == QUEUE_ELSEWHERE;
        queue->end = &queue->first;
        pthread_cond_init(&queue->filled, NULL);
        if (!thread_start(&thread, run, queue, error))
            return false;
        pthread_detach(thread);
    }
    *worker = made;
    return true;
}

int worker_descriptor(const struct worker *worker)
{
    return worker->descriptor;
}

struct task *task_create(enum task_kind kind, void (*done)(struct task *task),
                         void *baton)
{
    apr_pool_t *pool;
    struct task *task;

    apr_pool_create(&pool, NULL);
    task = apr_pcalloc(pool, sizeof(*task));
    task->pool = pool;
    task->kind = kind;
    task->done = done;
    task->baton = baton;
    return task;
}

void task_free(struct task *task)
{
    apr_pool_destroy(task->pool);
}

int worker_load(const struct worker *worker)
{
    return worker->load;
}

void worker_submit(struct worker *worker, struct task *task)
{
    worker->load++;
    pthread_mutex_lock(&worker->mutex);
    put(&worker->queues[QUEUE_HERE], task);
    pthread_mutex_unlock(&worker->mutex);
}

void worker_collect(struct worker *worker)
{
    struct task *done, *next;
    uint64_t count;

    if (read(worker->descriptor, &count, sizeof(count)) < 0 && errno != EAGAIN)
        log_write(LOG_LEVEL_ERROR, "cannot read the event descriptor");
    pthread_mutex_lock(&worker->mutex);
    done = worker->done;
    worker->done = NULL;
    worker->done_end = &worker->done;
    pthread_mutex_unlock(&worker->mutex);
    for (; done != NULL; done = next) {
        next = done->next;
        worker->load--;
        done->done(done);
    }
}
