/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that answer requests. */
#include "snapshotd/commit_internal.h"

#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"

static door_answerer *const answerers[MESSAGE_REQUEST_END] = {
    [MESSAGE_UPLOAD_CHECK] = answer_upload_check,
    [MESSAGE_UPLOAD_BEGIN] = answer_upload_begin,
    [MESSAGE_UPLOAD_NEXT] = answer_upload_next,
    [MESSAGE_UPLOAD_FINISH] = answer_upload_finish,
    [MESSAGE_LOOK] = answer_look,
    [MESSAGE_LIST] = answer_list,
    [MESSAGE_REMOVE] = answer_remove,
    [MESSAGE_SET_TTL] = answer_set_ttl,
    [MESSAGE_CLEAN] = answer_clean,
    [MESSAGE_NOTIFY] = answer_notify,
    [MESSAGE_COLLECT] = answer_housekeeping,
    [MESSAGE_HOUSEKEEPING] = answer_housekeeping,
    [MESSAGE_RESIGN] = answer_resign,
};

struct door_job *door_own_job(struct door *door, const char *repository)
{
    struct door_job *job;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->door = door;
    job->deadline = clock_now() + DOOR_LONGEST;
    job->request.repository = apr_pstrdup(pool, repository);
    return job;
}

bool door_job_is_given_up(const struct door_job *job)
{
    return job->connection != NULL && atomic_load(&job->connection->is_closed);
}

static void answer(struct door_job *job)
{
    struct text body = {job->body, job->header.length};
    unsigned int type = job->header.type;
    struct error error;

    if (type >= MESSAGE_REQUEST_END || answerers[type] == NULL)
        error_set(&error, ERROR_UNSUPPORTED, "there are no requests of type %u", type);
    else if (job->door->stop)
        error_set(&error, ERROR_CANCELLED, "snapshotd is being stopped");
    else if (message_request_decode(&job->request, body, job->pool, &error)) {
        answerers[type](job);
        return;
    }
    door_fail(job, &error);
}

/* All of these with the mutex. */
static struct door_job *take_job(struct door *door)
{
    struct door_job *job = door->first;

    if (job != NULL) {
        door->pending--;
        door->first = job->next;
        if (door->first == NULL)
            door->last = &door->first;
    }
    return job;
}

static bool may_publish(const struct door *door)
{
    return door->first_queue != NULL &&
           (door->publishers < DOOR_PUBLISHERS || door->stop);
}

static bool is_idle(const struct door *door)
{
    return door->first == NULL && !may_publish(door);
}

static struct commit_queue *take_queue(struct door *door)
{
    struct commit_queue *queue = door->first_queue;

    if (!may_publish(door))
        return NULL;
    door->pending--;
    door->first_queue = queue->next_ready;
    if (door->first_queue == NULL)
        door->last_queue = &door->first_queue;
    door->publishers++;
    return queue;
}

static bool work_once(struct door *door)
{
    struct commit_queue *queue = take_queue(door);
    struct door_job *job = queue == NULL ? take_job(door) : NULL;

    if (queue == NULL && job == NULL)
        return false;
    door->busy++;
    pthread_mutex_unlock(&door->mutex);
    if (queue != NULL)
        commit_work(queue);
    else
        answer(job);
    pthread_mutex_lock(&door->mutex);
    door->busy--;
    door->publishers -= queue != NULL;
    return true;
}

/* Whoever answers may wait for what another thread is to do. */
static bool is_over(const struct door *door)
{
    return door->ends && door->busy == 0;
}

static void *work(void *baton)
{
    struct door *door = baton;

    pthread_mutex_lock(&door->mutex);
    while (work_once(door) || !is_over(door)) {
        if (is_idle(door) && !is_over(door)) {
            door->idle++;
            pthread_cond_wait(&door->work_came, &door->mutex);
            door->idle--;
        }
    }
    pthread_cond_broadcast(&door->work_came);
    pthread_mutex_unlock(&door->mutex);
    return NULL;
}

/* With the mutex: work has come. */
static void call_thread(struct door *door)
{
    struct error error;

    door->pending++;
    if (door->idle < door->pending && door->thread_count < DOOR_THREADS) {
        if (thread_start(&door->threads[door->thread_count], work, door, &error))
            door->thread_count++;
        else if (door->thread_count == 0)
            log_write(LOG_LEVEL_ERROR, "socket: %s", error.message);
    }
    pthread_cond_signal(&door->work_came);
}

void door_submit(struct door *door, struct door_job *job)
{
    pthread_mutex_lock(&door->mutex);
    job->next = NULL;
    *door->last = job;
    door->last = &job->next;
    call_thread(door);
    pthread_mutex_unlock(&door->mutex);
}

void door_submit_queue(struct door *door, struct commit_queue *queue)
{
    pthread_mutex_lock(&door->mutex);
    queue->next_ready = NULL;
    *door->last_queue = queue;
    door->last_queue = &queue->next_ready;
    call_thread(door);
    pthread_mutex_unlock(&door->mutex);
}

void door_stop_threads(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->ends = true;
    pthread_cond_broadcast(&door->work_came);
    pthread_mutex_unlock(&door->mutex);
    for (int i = 0; i < door->thread_count; i++)
        pthread_join(door->threads[i], NULL);
}
