/* SPDX-License-Identifier: Apache-2.0 */
/* The queues of commits, one for each repository. Each is worked off by one thread at a
 * time; while somebody else holds the repository's lock by none: one thread of its own
 * waits for all of these locks. */
#include "snapshotd/commit_internal.h"

#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/lock.h"
#include "libreplica/base/thread.h"

#define LOCK_PAUSE_MICROSECONDS 20000

/* With the mutex. */
static struct commit_queue *find(struct door *door, const char *name)
{
    struct commit_queue *queue = apr_hash_get(door->queues, name, APR_HASH_KEY_STRING);

    if (queue != NULL)
        return queue;
    queue = apr_pcalloc(door->pool, sizeof(*queue));
    queue->door = door;
    queue->name = apr_pstrdup(door->pool, name);
    queue->last = &queue->first;
    apr_hash_set(door->queues, queue->name, APR_HASH_KEY_STRING, queue);
    return queue;
}

void commit_submit(struct door_job *job)
{
    struct door *door = job->door;
    struct commit_queue *queue;
    bool is_first;

    pthread_mutex_lock(&door->mutex);
    queue = find(door, job->request.repository);
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    is_first = !queue->is_busy;
    queue->is_busy = true;
    pthread_mutex_unlock(&door->mutex);
    if (is_first)
        door_submit_queue(door, queue);
}

struct door_job *commit_queue_take(struct commit_queue *queue)
{
    struct door_job *jobs;

    pthread_mutex_lock(&queue->door->mutex);
    jobs = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    pthread_mutex_unlock(&queue->door->mutex);
    return jobs;
}

void commit_queue_put_back(struct commit_queue *queue, struct door_job *jobs)
{
    struct door_job *last = jobs;

    if (jobs == NULL)
        return;
    while (last->next != NULL)
        last = last->next;
    pthread_mutex_lock(&queue->door->mutex);
    last->next = queue->first;
    if (queue->first == NULL)
        queue->last = &last->next;
    queue->first = jobs;
    pthread_mutex_unlock(&queue->door->mutex);
}

bool commit_queue_lock(struct commit_queue *queue, bool *is_taken, const char *path,
                       struct error *error)
{
    apr_pool_t *pool;

    *is_taken = false;
    if (queue->lock != NULL)
        return true;
    apr_pool_create(&pool, NULL);
    if (lock_try(&queue->lock, path, pool, error)) {
        queue->lock_pool = pool;
        return true;
    }
    apr_pool_destroy(pool);
    *is_taken = error->code == ERROR_BUSY && !queue->door->stop;
    if (error->code == ERROR_BUSY)
        error_set(error, ERROR_CANCELLED, "snapshotd is being stopped");
    return false;
}

void commit_queue_unlock(struct commit_queue *queue)
{
    if (queue->lock == NULL)
        return;
    lock_release(queue->lock);
    apr_pool_destroy(queue->lock_pool);
    queue->lock = NULL;
}

/* Until somebody else begins anew. False: something has come. */
static bool rest(struct commit_queue *queue)
{
    bool is_empty;

    pthread_mutex_lock(&queue->door->mutex);
    is_empty = queue->first == NULL;
    if (is_empty)
        queue->is_busy = false;
    pthread_mutex_unlock(&queue->door->mutex);
    return is_empty;
}

/* False: there is no time for that, snapshotd is being stopped. */
static bool wait_for_lock(struct commit_queue *queue, const char *path)
{
    struct door *door = queue->door;
    bool waits;

    pthread_mutex_lock(&door->mutex);
    waits = !door->stop;
    if (waits) {
        apr_pool_create(&queue->path_pool, NULL);
        queue->lock_path = apr_pstrdup(queue->path_pool, path);
        queue->next_locked = door->locked;
        door->locked = queue;
        pthread_cond_signal(&door->lock_missed);
    }
    pthread_mutex_unlock(&door->mutex);
    return waits;
}

void commit_work(struct commit_queue *queue)
{
    bool waits = false;

    while (!waits && !rest(queue)) {
        const char *path = NULL;
        apr_pool_t *pool;

        apr_pool_create(&pool, NULL);
        waits = !commit_batch(queue, &path, pool) && wait_for_lock(queue, path);
        apr_pool_destroy(pool);
    }
}

static bool is_empty(struct commit_queue *queue)
{
    bool is_empty;

    pthread_mutex_lock(&queue->door->mutex);
    is_empty = queue->first == NULL;
    pthread_mutex_unlock(&queue->door->mutex);
    return is_empty;
}

/* What follows is of the thread that waits. True: it is of no use any more. */
static bool try_lock(struct commit_queue *queue)
{
    struct error unused;
    bool is_taken;

    commit_queue_put_back(queue, commit_drop_late(commit_queue_take(queue), queue->name));
    return is_empty(queue) ||
           commit_queue_lock(queue, &is_taken, queue->lock_path, &unused) || !is_taken;
}

static void go_on(struct commit_queue *queue)
{
    apr_pool_destroy(queue->path_pool);
    door_submit_queue(queue->door, queue);
}

static struct commit_queue *take_locked(struct door *door)
{
    struct commit_queue *queue;

    pthread_mutex_lock(&door->mutex);
    while (door->locked == NULL && !door->stop)
        pthread_cond_wait(&door->lock_missed, &door->mutex);
    queue = door->locked;
    door->locked = NULL;
    pthread_mutex_unlock(&door->mutex);
    return queue;
}

static void keep(struct door *door, struct commit_queue *queue)
{
    pthread_mutex_lock(&door->mutex);
    queue->next_locked = door->locked;
    door->locked = queue;
    pthread_mutex_unlock(&door->mutex);
}

static void *wait_for_locks(void *baton)
{
    struct door *door = baton;
    struct commit_queue *queue;

    while ((queue = take_locked(door)) != NULL) {
        while (queue != NULL) {
            struct commit_queue *next = queue->next_locked;

            if (try_lock(queue))
                go_on(queue);
            else
                keep(door, queue);
            queue = next;
        }
        usleep(LOCK_PAUSE_MICROSECONDS);
    }
    return NULL;
}

bool commit_waiter_start(struct door *door, struct error *error)
{
    return thread_start(&door->lock_waiter, wait_for_locks, door, error);
}

void commit_waiter_stop(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    pthread_cond_signal(&door->lock_missed);
    pthread_mutex_unlock(&door->mutex);
    pthread_join(door->lock_waiter, NULL);
}
