/* SPDX-License-Identifier: Apache-2.0 */
/* What concerns whole repositories: removing what has expired, collecting garbage,
 * signing, events once more. */
#include "snapshotd/upload.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/lock.h"
#include "libreplica/base/log.h"
#include "libreplica/events/announce.h"
#include "libreplica/operate/replica_gc.h"
#include "libreplica/publish/publish.h"
#include "libreplica/publish/whitelists.h"

void answer_clean(struct door_job *job)
{
    struct door_context context;
    struct error error;

    if (!door_context_open(&context, job, ACCESS_ADMIN, "", &error)) {
        door_fail(job, &error);
        return;
    }
    job->cleans = true;
    commit_submit(job);
}

static bool announce_again(const struct door_context *context, apr_pool_t *pool,
                           struct error *error)
{
    const char *log = settings_text(context->repository->settings, SETTING_EVENT_LOG);
    struct store *store;

    return repository_open_store(&store, context->repository, pool, error) &&
           announce_head(log, store, "notify", pool, error);
}

void answer_notify(struct door_job *job)
{
    struct message_answer answer = {.count = 1};
    struct door_context context;
    struct error error;

    if (!door_context_open(&context, job, ACCESS_ADMIN, "", &error))
        door_fail(job, &error);
    else if (announce_again(&context, job->pool, &error))
        door_done(job, &answer, -1);
    else
        door_fail_inside(job, &error);
}

/* Waiting for a job of ours. */
struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool has_ended, ok;
    struct error error;
    int64_t count;
};

static void wake(void *baton, const struct door_job *job, const struct error *error)
{
    struct waiter *waiter = baton;

    pthread_mutex_lock(&waiter->mutex);
    waiter->has_ended = true;
    waiter->ok = error == NULL;
    if (error != NULL)
        waiter->error = *error;
    waiter->count = job->answer.count;
    pthread_cond_signal(&waiter->ended);
    pthread_mutex_unlock(&waiter->mutex);
}

static void wait_for(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->mutex);
    while (!waiter->has_ended)
        pthread_cond_wait(&waiter->ended, &waiter->mutex);
    pthread_mutex_unlock(&waiter->mutex);
}

static bool keep_house_of(struct door_job *asked, const char *name, int64_t *count,
                          struct error *error)
{
    struct door_job *job = door_own_job(asked->door, name);
    struct waiter waiter = {.has_ended = false};

    pthread_mutex_init(&waiter.mutex, NULL);
    pthread_cond_init(&waiter.ended, NULL);
    job->cleans = asked->header.type == MESSAGE_HOUSEKEEPING;
    job->collects = asked->collects;
    job->end = wake;
    job->end_baton = &waiter;
    commit_submit(job);
    wait_for(&waiter);
    pthread_cond_destroy(&waiter.ended);
    pthread_mutex_destroy(&waiter.mutex);
    *count += waiter.count;
    if (!waiter.ok)
        *error = waiter.error;
    return waiter.ok;
}

static bool is_collectable(struct door_job *job, const char *name)
{
    struct repository *repository;
    struct settings *server;
    struct error unused;

    return server_settings_read(&server, job->door->confdir, false, job->pool, &unused) &&
           repository_read(&repository, job->door->confdir, name, server, job->pool,
                           &unused) &&
           replica_gc_is_allowed(repository, job->pool);
}

/* One that fails does not keep the others from it. */
static bool keep_house(struct door_job *job, const apr_array_header_t *names,
                       struct message_answer *answer, struct error *error)
{
    bool ok = true;

    for (int i = 0; i < names->nelts && !job->door->stop; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        struct error reason;

        job->collects = is_collectable(job, name);
        if ((!job->collects && job->header.type == MESSAGE_COLLECT) ||
            keep_house_of(job, name, &answer->count, &reason))
            continue;
        log_write(LOG_LEVEL_ERROR, "housekeeping repository=%s: %s", name,
                  reason.message);
        ok = error_set(error, reason.code, "%s: %.180s", name, reason.message);
    }
    job->collects = false;
    return ok;
}

/* One at a time: each takes one of the threads, and may wait long. */
static bool begin_alone(struct door *door, struct error *error)
{
    bool is_taken;

    pthread_mutex_lock(&door->mutex);
    is_taken = door->keeps_house;
    door->keeps_house = true;
    pthread_mutex_unlock(&door->mutex);
    return !is_taken ||
           error_set(error, ERROR_BUSY,
                     "housekeeping, or signing, is under way already: try again");
}

static void end_alone(struct door *door)
{
    pthread_mutex_lock(&door->mutex);
    door->keeps_house = false;
    pthread_mutex_unlock(&door->mutex);
}

void answer_housekeeping(struct door_job *job)
{
    struct message_answer answer = {NULL};
    struct door *door = job->door;
    apr_array_header_t *names;
    struct error error;
    bool ok;

    if (!door_repositories(&names, job, ACCESS_ADMIN, &error) ||
        !begin_alone(door, &error)) {
        door_fail(job, &error);
        return;
    }
    ok = keep_house(job, names, &answer, &error);
    end_alone(door);
    if (ok)
        door_done(job, &answer, -1);
    else
        door_fail_inside(job, &error);
}

static bool sign(const struct door_context *context, struct door_job *job,
                 struct error *error)
{
    apr_pool_t *pool = job->pool;
    const char *path = repository_update_lock(context->repository, pool);
    struct whitelist_terms terms = {0};
    struct publish_target target;
    struct lock *lock;
    bool ok;

    if (!publish_target_of(&target, context->repository, context->keys, pool, error) ||
        !lock_wait(&lock, path, &job->door->stop, pool, error))
        return false;
    terms.days = target.whitelist_days;
    ok = publish_sign_whitelist(&target, &terms, apr_time_now(), pool, error);
    lock_release(lock);
    return ok;
}

static bool sign_one(struct door_job *job, const char *name, struct error *error)
{
    struct door_context context;

    job->request.repository = name;
    return door_context_open(&context, job, ACCESS_ADMIN, "", error) &&
           (sign(&context, job, error) || error_prefix(error, "%s", name));
}

void answer_resign(struct door_job *job)
{
    struct message_answer answer = {NULL};
    apr_array_header_t *names;
    struct error error, reason;
    bool ok = true;

    if (!door_repositories(&names, job, ACCESS_ADMIN, &error) ||
        !begin_alone(job->door, &error)) {
        door_fail(job, &error);
        return;
    }
    for (int i = 0; i < names->nelts; i++) {
        if (sign_one(job, APR_ARRAY_IDX(names, i, const char *), &reason)) {
            answer.count++;
            continue;
        }
        log_write(LOG_LEVEL_ERROR, "resign: %s", reason.message);
        error = reason;
        if (reason.code == ERROR_NOT_FOUND) /* a key: nothing that was asked for */
            error.code = ERROR_IO;
        ok = false;
    }
    end_alone(job->door);
    if (ok)
        door_done(job, &answer, -1);
    else
        door_fail_inside(job, &error);
}
