/* SPDX-License-Identifier: Apache-2.0 */
/* A queue of contents and the threads that take from it. */
#include "libreplica/publish/workers.h"

#include <pthread.h>
#include <unistd.h>

#include "libreplica/base/thread.h"

struct worker {
    struct workers *workers;
    struct store *store;
    apr_pool_t *pool; /* the store handle's: allocates as it goes, in its thread */
    pthread_t thread;
};

struct workers {
    const struct publish_target *target;
    const volatile int *stop;
    struct worker *all;
    int count; /* of threads that run */
    pthread_mutex_t mutex;
    pthread_cond_t submitted;
    pthread_cond_t done;
    struct content *first; /* not begun yet */
    struct content **last;
    const struct content *awaited; /* by the one that submits */
    bool is_stopping;
};

/* The next content to make, or NULL at the end. */
static struct content *take(struct workers *workers)
{
    struct content *content;

    pthread_mutex_lock(&workers->mutex);
    while (workers->first == NULL && !workers->is_stopping)
        pthread_cond_wait(&workers->submitted, &workers->mutex);
    content = workers->is_stopping ? NULL : workers->first;
    if (content != NULL) {
        workers->first = content->next;
        if (workers->first == NULL)
            workers->last = &workers->first;
    }
    pthread_mutex_unlock(&workers->mutex);
    return content;
}

static void report(struct workers *workers, struct content *content)
{
    pthread_mutex_lock(&workers->mutex);
    content->is_done = true;
    if (content == workers->awaited)
        pthread_cond_signal(&workers->done);
    pthread_mutex_unlock(&workers->mutex);
}

static void *work(void *baton)
{
    struct worker *worker = baton;
    struct workers *workers = worker->workers;
    struct content_maker *maker;
    struct content *content;
    apr_pool_t *pool, *each;

    apr_pool_create(&pool, NULL);
    apr_pool_create(&each, pool);
    maker = content_maker_create(workers->target, worker->store, workers->stop, pool);
    while ((content = take(workers)) != NULL) {
        content->has_failed = !content_make(maker, content, each, &content->error);
        apr_pool_clear(each);
        report(workers, content);
    }
    apr_pool_destroy(pool);
    return NULL;
}

void workers_stop(struct workers *workers)
{
    pthread_mutex_lock(&workers->mutex);
    workers->is_stopping = true;
    pthread_cond_broadcast(&workers->submitted);
    pthread_mutex_unlock(&workers->mutex);
    for (int i = 0; i < workers->count; i++) {
        pthread_join(workers->all[i].thread, NULL);
        apr_pool_destroy(workers->all[i].pool);
    }
    workers->count = 0;
}

static apr_status_t cleanup(void *workers)
{
    workers_stop(workers);
    return APR_SUCCESS;
}

static int count_processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 0 ? (int)count : 1;
}

static bool start_one(struct workers *workers, struct store *store, struct error *error)
{
    struct worker *worker = &workers->all[workers->count];
    bool ok;

    apr_pool_create(&worker->pool, NULL);
    worker->workers = workers;
    ok = store_share(&worker->store, store, worker->pool, error) &&
         thread_start(&worker->thread, work, worker, error);
    if (ok)
        workers->count++;
    else
        apr_pool_destroy(worker->pool);
    return ok;
}

bool workers_start(struct workers **workers, const struct publish_target *target,
                   struct store *store, const volatile int *stop, apr_pool_t *pool,
                   struct error *error)
{
    struct workers *started = apr_pcalloc(pool, sizeof(*started));
    int count = target->workers > 0 ? target->workers : count_processors();

    started->target = target;
    started->stop = stop;
    started->last = &started->first;
    started->all = apr_pcalloc(pool, (size_t)count * sizeof(*started->all));
    pthread_mutex_init(&started->mutex, NULL);
    pthread_cond_init(&started->submitted, NULL);
    pthread_cond_init(&started->done, NULL);
    apr_pool_pre_cleanup_register(pool, started, cleanup);
    while (started->count < count)
        if (!start_one(started, store, error))
            return false;
    *workers = started;
    return true;
}

void workers_submit(struct workers *workers, struct content *content)
{
    pthread_mutex_lock(&workers->mutex);
    content->next = NULL;
    *workers->last = content;
    workers->last = &content->next;
    pthread_cond_signal(&workers->submitted);
    pthread_mutex_unlock(&workers->mutex);
}

bool workers_wait(struct workers *workers, struct content *content, struct error *error)
{
    pthread_mutex_lock(&workers->mutex);
    workers->awaited = content;
    while (!content->is_done)
        pthread_cond_wait(&workers->done, &workers->mutex);
    workers->awaited = NULL;
    pthread_mutex_unlock(&workers->mutex);
    if (content->has_failed && error != NULL)
        *error = content->error;
    return !content->has_failed;
}
