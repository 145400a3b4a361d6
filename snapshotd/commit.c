/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing what was uploaded or is to be removed: all that waits for a repository goes
 * into one revision. */
#include "snapshotd/commit_internal.h"

#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/base/log.h"
#include "libreplica/operate/replica_gc.h"
#include "libreplica/operate/ttl_manifest.h"

static void finish(struct door_job *job, bool is_good, struct error *error)
{
    /* The files that got no name; before the answer, so that who has it can rely on it.
     */
    if (job->upload != NULL)
        upload_discard(job->upload);
    if (is_good)
        door_done(job, &job->answer, -1);
    else
        door_fail_inside(job, error);
}

static void finish_all(struct batch *batch, bool is_good, const struct error *error)
{
    while (batch->jobs != NULL) {
        struct door_job *job = batch->jobs;

        batch->jobs = job->next;
        if (job->is_good && !is_good)
            job->error = *error;
        finish(job, job->is_good && is_good, &job->error);
    }
}

/* Append what has come meanwhile. */
static void take_more(struct batch *batch)
{
    struct door_job **end = &batch->jobs;

    while (*end != NULL)
        end = &(*end)->next;
    *end = commit_queue_take(batch->queue);
}

struct door_job *commit_drop_late(struct door_job *jobs, const char *name)
{
    struct door_job **link = &jobs;
    apr_time_t now = clock_now();

    while (*link != NULL) {
        struct door_job *job = *link;
        struct error error;

        if (job->has_set_ttl || (!door_job_is_given_up(job) && now < job->deadline)) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        error_set(&error, ERROR_BUSY, "somebody else is publishing %s: try again", name);
        finish(job, false, &error);
    }
    return jobs;
}

/* What an interrupted collection still has to remove must not be published again before
 * it is gone. */
static bool finish_collection(struct batch *batch, struct error *error)
{
    struct replica_gc_options options = {.stop = &batch->door->stop};

    return replica_gc_recover(batch->repository, batch->store, &options, batch->pool,
                              error);
}

/* *path is set, and the lock held, unless something else went wrong before. */
static bool open_batch(struct batch *batch, bool *is_taken, const char **path,
                       struct error *error)
{
    struct door *door = batch->door;
    struct settings *server;
    const char *keys;

    if (!server_settings_read(&server, door->confdir, false, batch->pool, error) ||
        !repository_read(&batch->repository, door->confdir, batch->name, server,
                         batch->pool, error))
        return false;
    keys = server_keys_directory(server, door->confdir, batch->pool);
    *path = repository_update_lock(batch->repository, batch->pool);
    return publish_target_of(&batch->target, batch->repository, keys, batch->pool,
                             error) &&
           repository_open_store(&batch->store, batch->repository, batch->pool, error) &&
           commit_queue_lock(batch->queue, is_taken, *path, error) &&
           finish_collection(batch, error);
}

static bool find_expired(struct batch *batch, struct error *error)
{
    bool cleans = false;

    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        cleans = cleans || job->cleans;
    return !cleans || expired_find(&batch->expired, batch->repository, batch->store,
                                   batch->now, batch->pool, error);
}

static int expired_in(const struct batch *batch)
{
    return batch->expired != NULL ? expired_count(batch->expired) : 0;
}

/* Whether there is anything that could be published. */
static bool has_changes(const struct batch *batch)
{
    bool found = expired_in(batch) > 0;

    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        found = found || (!job->cleans && !job->collects);
    return found;
}

static bool make_revision(struct batch *batch, struct error *error)
{
    struct publish_result result;
    int good;

    if (!changes_begin(&batch->changes, &batch->target, batch->now, &batch->door->stop,
                       batch->pool, error) ||
        (expired_in(batch) > 0 && !expired_remove(batch->expired, batch->changes, error)))
        return false;
    batch->directories = apr_array_make(batch->pool, 8, sizeof(const char *));
    good = commit_apply(batch);
    if (good == 0 && expired_in(batch) == 0)
        return true;
    if (!commit_record_expiry(batch, error) ||
        !ttl_manifest_put(batch->changes, batch->repository, batch->now, batch->pool,
                          error) ||
        !changes_commit(&result, batch->changes, error))
        return false;
    commit_tidy_expiry(batch);
    log_write(LOG_LEVEL_INFO, "publish repository=%s revision=%lld changes=%d expired=%d",
              batch->name, (long long)result.revision, good, expired_in(batch));
    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        job->answer.revision = result.revision;
    return true;
}

static bool publish(struct batch *batch, struct error *error)
{
    struct error problem;

    batch->now = apr_time_now();
    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        job->is_good = job->cleans || job->collects;
    if (!find_expired(batch, error) ||
        (has_changes(batch) && !make_revision(batch, error)))
        return false;
    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        if (job->cleans)
            job->answer.count = expired_in(batch);
    if (batch->expired != NULL && !expired_forget(batch->expired, &problem))
        log_write(LOG_LEVEL_WARNING, "repository=%s %s", batch->name, problem.message);
    return true;
}

static void mark_all(struct batch *batch)
{
    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        job->is_good = true;
}

static bool collect(struct batch *batch, struct gc_keep keep, struct error *error)
{
    struct replica_gc_options options = {.keep = keep, .stop = &batch->door->stop};
    struct gc_result result;

    if (!replica_gc_locked(&result, batch->repository, batch->store, &options,
                           batch->pool, error))
        return false;
    log_write(LOG_LEVEL_INFO, "gc repository=%s catalogs=%lld objects=%lld", batch->name,
              (long long)result.catalogs_condemned, (long long)result.objects_condemned);
    return true;
}

/* What was published stays published, whatever comes of the collection. */
static void collect_if_due(struct batch *batch)
{
    struct gc_keep keep;
    struct error error;
    bool due;

    if (replica_gc_is_due(&due, &keep, batch->repository, batch->store, apr_time_now(),
                          batch->pool, &error) &&
        (!due || collect(batch, keep, &error)))
        return;
    if (error.code != ERROR_CANCELLED)
        log_write(error.code == ERROR_BUSY ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
                  "gc repository=%s: %s", batch->name, error.message);
}

/* Those that want more than the commit wait on; all others are told. */
static struct door_job *set_collecting_aside(struct batch *batch)
{
    struct door_job **link = &batch->jobs, *aside = NULL;

    while (*link != NULL) {
        struct door_job *job = *link;

        if (!job->collects) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        job->next = aside;
        aside = job;
    }
    return aside;
}

/* All but the head and named revisions, and what readers may still need. */
static void finish_collecting(struct batch *batch, struct door_job *collecting)
{
    struct gc_keep keep = {.revisions = 0};
    struct error error;
    bool ok = collect(batch, keep, &error);

    batch->jobs = collecting;
    finish_all(batch, ok, &error);
}

static bool is_archive(const struct door_job *job)
{
    return job->upload != NULL && job->upload->unpacks;
}

/* An archive that is damaged spoils the changes of its revision, so it has one of its
 * own: after those who need not wait for it, but not after those who come then. */
static void separate_archives(struct batch *batch)
{
    struct door_job **link = &batch->jobs, *archives = NULL, **end = &archives;
    struct commit_queue *queue = batch->queue;

    while (*link != NULL) {
        struct door_job *job = *link;

        if (!is_archive(job)) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        job->next = NULL;
        *end = job;
        end = &job->next;
    }
    if (archives != NULL && (batch->jobs == NULL || queue->owes_archive)) {
        *end = batch->jobs;
        batch->jobs = archives;
        archives = archives->next;
        batch->jobs->next = NULL;
        queue->owes_archive = false;
    } else {
        queue->owes_archive = archives != NULL;
    }
    commit_queue_put_back(queue, archives);
}

static bool run_locked(struct batch *batch, struct error *error)
{
    batch->jobs = commit_drop_late(batch->jobs, batch->name);
    take_more(batch);
    separate_archives(batch);
    return batch->jobs == NULL || publish(batch, error);
}

static void release_expired(struct batch *batch)
{
    struct error error;

    if (batch->expired != NULL && !expired_release(batch->expired, &error))
        log_write(LOG_LEVEL_WARNING, "repository=%s %s", batch->name, error.message);
}

/* All of them hear what came of it. */
static void end_batch(struct batch *batch, bool ok, struct error *error)
{
    struct door_job *collecting = NULL;

    if (batch->changes != NULL)
        changes_abandon(batch->changes);
    if (ok) {
        collecting = set_collecting_aside(batch);
    } else {
        release_expired(batch);
        mark_all(batch);
    }
    /* Keys, folders: nothing that was asked for. */
    if (!ok && (error->code == ERROR_NOT_FOUND || error->code == ERROR_EXISTS))
        error->code = ERROR_IO;
    finish_all(batch, ok, error);
    if (collecting != NULL)
        finish_collecting(batch, collecting);
    else if (ok && batch->changes != NULL)
        collect_if_due(batch);
    commit_queue_unlock(batch->queue);
    housekeeping_look(batch->door, batch->name);
}

bool commit_batch(struct commit_queue *queue, const char **path, apr_pool_t *pool)
{
    struct batch batch = {
        .door = queue->door, .queue = queue, .name = queue->name, .pool = pool};
    bool is_taken = false, ok;
    struct error error;

    take_more(&batch);
    ok = open_batch(&batch, &is_taken, path, &error);
    if (is_taken) {
        commit_queue_put_back(queue, batch.jobs);
        return false;
    }
    ok = ok && run_locked(&batch, &error);
    end_batch(&batch, ok, &error);
    return true;
}
