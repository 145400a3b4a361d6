/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing what was uploaded or is to be removed: one queue for each repository, and
 * all that wait in it go into one revision. The first to come publishes for the others.
 */
#include "snapshotd/upload.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/lock.h"
#include "libreplica/base/log.h"
#include "libreplica/publish/changes.h"
#include "libreplica/publish/content.h"
#include "libreplica/store/expiry.h"
#include "libreplica/store/store_uploads.h"

#define LOCK_PAUSE_MICROSECONDS 20000

struct commit_queue {
    struct door_job *first, **last;
    bool is_running;
};

/* What goes into one revision. */
struct batch {
    struct door *door;
    struct commit_queue *queue;
    const char *name; /* of the repository */
    struct door_job *jobs;
    struct repository *repository;
    struct publish_target target;
    struct lock *lock;
    struct store *store;
    struct changes *changes;
    struct expiry *expiry;
    apr_time_t now;
    apr_pool_t *pool;
};

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

/* Append what has come meanwhile. Nothing at all, if it may be: the end of the queue's
 * work, until somebody else begins anew. */
static void take_more(struct batch *batch, bool may_end)
{
    struct door_job **end = &batch->jobs;

    while (*end != NULL)
        end = &(*end)->next;
    pthread_mutex_lock(&batch->door->mutex);
    *end = batch->queue->first;
    batch->queue->first = NULL;
    batch->queue->last = &batch->queue->first;
    if (batch->jobs == NULL && may_end)
        batch->queue->is_running = false;
    pthread_mutex_unlock(&batch->door->mutex);
}

/* Those whose callers went away, or would not hear it any more. */
static void drop_late(struct batch *batch)
{
    struct door_job **link = &batch->jobs;
    apr_time_t now = apr_time_now();

    while (*link != NULL) {
        struct door_job *job = *link;
        struct error error;

        if (!atomic_load(&job->connection->is_closed) && now < job->deadline) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        error_set(&error, ERROR_BUSY, "somebody else is publishing %s: try again",
                  batch->name);
        finish(job, false, &error);
    }
}

static bool wait_for_lock(struct batch *batch, struct error *error)
{
    const char *path = repository_update_lock(batch->repository, batch->pool);
    apr_pool_t *each;

    apr_pool_create(&each, batch->pool);
    while (!lock_try(&batch->lock, path, each, error)) {
        if (error->code != ERROR_BUSY)
            return false;
        if (batch->door->stop)
            return error_set(error, ERROR_CANCELLED, "snapshotd is being stopped");
        drop_late(batch);
        if (batch->jobs == NULL)
            return error_set(error, ERROR_BUSY, "nobody waits any more");
        apr_pool_clear(each);
        usleep(LOCK_PAUSE_MICROSECONDS);
    }
    return true;
}

static bool open_batch(struct batch *batch, struct error *error)
{
    struct door *door = batch->door;
    struct settings *server;
    const char *keys;

    if (!server_settings_read(&server, door->confdir, false, batch->pool, error) ||
        !repository_read(&batch->repository, door->confdir, batch->name, server,
                         batch->pool, error))
        return false;
    keys = settings_text(server, SETTING_KEYS_DIR);
    if (*keys == '\0')
        keys = apr_pstrcat(batch->pool, door->confdir, "/keys", NULL);
    return publish_target_of(&batch->target, batch->repository, keys, batch->pool,
                             error) &&
           repository_open_store(&batch->store, batch->repository, batch->pool, error) &&
           wait_for_lock(batch, error);
}

/* The objects get their names; what was there under one stays. */
static bool name_objects(struct batch *batch, const struct upload *upload,
                         struct error *error)
{
    for (int i = 0; i < upload->files->nelts; i++) {
        const struct upload_file *file =
            &APR_ARRAY_IDX(upload->files, i, struct upload_file);
        struct object object = {file->piece.hash,
                                file->piece.is_whole ? OBJECT_FILE : OBJECT_CHUNK};

        if (!store_upload_commit(batch->store, file->name, &object, file->piece.stored,
                                 error))
            return false;
    }
    return true;
}

static struct content content_of(const struct upload *upload, apr_pool_t *pool)
{
    struct content content = {.fd = -1, .members = 1, .size = upload_size(upload)};
    int count = upload->files->nelts;
    int64_t offset = 0;

    if (count == 1) {
        content.hash = APR_ARRAY_IDX(upload->files, 0, struct upload_file).piece.hash;
        return content;
    }
    content.chunk_count = count;
    content.chunks = apr_palloc(pool, (size_t)count * sizeof(*content.chunks));
    for (int i = 0; i < count; i++) {
        const struct upload_piece *piece =
            &APR_ARRAY_IDX(upload->files, i, struct upload_file).piece;

        content.chunks[i] = (struct content_chunk){offset, piece->size, piece->hash};
        offset += piece->size;
    }
    return content;
}

static struct expiry_content identity_of(const struct batch *batch,
                                         const struct upload *upload)
{
    struct expiry_content identity = {.size = upload_size(upload),
                                      .mtime_seconds = apr_time_sec(batch->now)};

    for (int i = 0; i < upload->files->nelts; i++) {
        const struct hash *hash =
            &APR_ARRAY_IDX(upload->files, i, struct upload_file).piece.hash;

        if (upload->files->nelts == 1)
            identity.hash = *hash;
        else
            expiry_hash_chunk(&identity.hash, hash);
    }
    return identity;
}

static struct change_attributes attributes_of(const struct batch *batch,
                                              unsigned int mode)
{
    return (struct change_attributes){.mode = mode,
                                      .uid = geteuid(),
                                      .gid = getegid(),
                                      .mtime_seconds = apr_time_sec(batch->now)};
}

/* How many of the directories above PATH are there: *length is the end of the last. */
static bool find_parents(size_t *length, struct batch *batch, const char *path,
                         struct error *error)
{
    struct catalog_entry entry;
    bool found = true;

    *length = 0;
    for (const char *slash = strchr(path + 1, '/'); found && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        size_t end = (size_t)(slash - path);
        const char *parent = apr_pstrmemdup(batch->pool, path, end);

        if (!changes_lookup(batch->changes, &found, &entry, parent, error))
            return false;
        if (found && !(entry.flags & CATALOG_DIRECTORY))
            return error_set(error, ERROR_EXISTS, "%.150s is no directory", parent);
        if (found)
            *length = end;
    }
    return true;
}

static bool make_parents(struct batch *batch, const char *path, size_t length,
                         struct error *error)
{
    struct change_attributes attributes = attributes_of(batch, 0755);

    for (const char *slash = strchr(path + length + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        const char *parent = apr_pstrmemdup(batch->pool, path, (size_t)(slash - path));

        if (!changes_make_directory(batch->changes, parent, &attributes, error))
            return false;
    }
    return true;
}

static bool apply_upload(struct batch *batch, struct door_job *job, struct error *error)
{
    struct upload *upload = job->upload;
    struct change_attributes attributes = attributes_of(batch, 0644);
    struct content content = content_of(upload, batch->pool);
    struct catalog_entry entry;
    size_t length;
    bool found;

    if (!changes_lookup(batch->changes, &found, &entry, upload->path, error))
        return false;
    if (found && (entry.flags & CATALOG_DIRECTORY || !upload->overwrites))
        return error_set(error, ERROR_EXISTS, "%.150s is there already", upload->path);
    if (!find_parents(&length, batch, upload->path, error) ||
        !name_objects(batch, upload, error) ||
        !make_parents(batch, upload->path, length, error) ||
        !changes_put_stored(batch->changes, upload->path, &content, &attributes, error))
        return false;
    if (upload->ttl_seconds > 0)
        job->answer.expires_at = batch->now + apr_time_from_sec(upload->ttl_seconds);
    return true;
}

static bool apply_removal(struct batch *batch, struct door_job *job, struct error *error)
{
    const char *path = job->request.path;
    struct catalog_entry entry;
    bool found;

    if (!changes_lookup(batch->changes, &found, &entry, path, error))
        return false;
    if (!found || entry.flags & CATALOG_DIRECTORY)
        return error_set(error, ERROR_NOT_FOUND, "there is no file %.150s", path);
    return changes_remove(batch->changes, path, error);
}

/* One that fails changes nothing, and does not concern the others. */
static int apply_all(struct batch *batch)
{
    int good = 0;

    for (struct door_job *job = batch->jobs; job != NULL; job = job->next) {
        if (atomic_load(&job->connection->is_closed))
            job->is_good = error_set(&job->error, ERROR_CANCELLED, "the caller has gone");
        else if (job->upload != NULL)
            job->is_good = apply_upload(batch, job, &job->error);
        else
            job->is_good = apply_removal(batch, job, &job->error);
        good += job->is_good;
    }
    return good;
}

static bool write_expiry(struct batch *batch, struct error *error)
{
    bool ok = true;

    for (struct door_job *job = batch->jobs; ok && job != NULL; job = job->next) {
        struct expiry_content identity;

        if (!job->is_good || job->answer.expires_at == 0)
            continue;
        identity = identity_of(batch, job->upload);
        ok = expiry_set(batch->expiry, job->upload->path, &identity,
                        job->answer.expires_at, error);
    }
    return ok;
}

/* Before the commit: a crash then leaves a record too many, never one too few. */
static bool record_expiry(struct batch *batch, struct error *error)
{
    return expiry_open(&batch->expiry, batch->repository->spool, batch->pool, error) &&
           expiry_begin(batch->expiry, error) &&
           expiry_end(batch->expiry, write_expiry(batch, error), error);
}

static bool forget_all(struct batch *batch, struct error *error)
{
    bool ok = true;

    for (struct door_job *job = batch->jobs; ok && job != NULL; job = job->next) {
        struct expiry_content identity;

        if (!job->is_good)
            continue;
        if (job->upload != NULL)
            identity = identity_of(batch, job->upload);
        ok = expiry_forget_others(batch->expiry, job->request.path,
                                  job->upload != NULL ? &identity : NULL, error);
    }
    return ok;
}

/* Records of what was replaced or removed mean nothing any more; they only take room. */
static void tidy_expiry(struct batch *batch)
{
    struct error error;

    if (!expiry_begin(batch->expiry, &error) ||
        !expiry_end(batch->expiry, forget_all(batch, &error), &error))
        log_write(LOG_LEVEL_WARNING, "repository=%s %s", batch->name, error.message);
}

static bool publish(struct batch *batch, struct error *error)
{
    struct publish_result result;
    int good;

    batch->now = apr_time_now();
    if (!changes_begin(&batch->changes, &batch->target, batch->now, &batch->door->stop,
                       batch->pool, error))
        return false;
    good = apply_all(batch);
    if (good == 0)
        return true;
    if (!record_expiry(batch, error) || !changes_commit(&result, batch->changes, error))
        return false;
    tidy_expiry(batch);
    log_write(LOG_LEVEL_INFO, "publish repository=%s revision=%lld changes=%d",
              batch->name, (long long)result.revision, good);
    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        job->answer.revision = result.revision;
    return true;
}

static void mark_all(struct batch *batch)
{
    for (struct door_job *job = batch->jobs; job != NULL; job = job->next)
        job->is_good = true;
}

static void run(struct batch *batch)
{
    struct error error;
    bool ok = open_batch(batch, &error);

    if (ok) {
        drop_late(batch);
        take_more(batch, false);
        ok = batch->jobs == NULL || publish(batch, &error);
    }
    if (batch->changes != NULL)
        changes_abandon(batch->changes);
    if (batch->lock != NULL)
        lock_release(batch->lock);
    if (!ok)
        mark_all(batch);
    /* Keys, folders: nothing that was asked for. */
    if (!ok && (error.code == ERROR_NOT_FOUND || error.code == ERROR_EXISTS))
        error.code = ERROR_IO;
    finish_all(batch, ok, &error);
}

static void run_queue(struct door *door, struct commit_queue *queue, const char *name)
{
    bool goes_on = true;

    while (goes_on) {
        struct batch batch = {.door = door, .queue = queue, .name = name};

        apr_pool_create(&batch.pool, NULL);
        take_more(&batch, true);
        goes_on = batch.jobs != NULL;
        if (goes_on)
            run(&batch);
        apr_pool_destroy(batch.pool);
    }
}

void commit_submit(struct door_job *job)
{
    struct door *door = job->connection->door;
    struct commit_queue *queue;
    const char *name;
    apr_pool_t *pool;
    bool is_first;

    /* The job, and its memory, may end before the queue does. */
    apr_pool_create(&pool, NULL);
    name = apr_pstrdup(pool, job->request.repository);
    pthread_mutex_lock(&door->mutex);
    queue = apr_hash_get(door->queues, name, APR_HASH_KEY_STRING);
    if (queue == NULL) {
        queue = apr_pcalloc(door->pool, sizeof(*queue));
        queue->last = &queue->first;
        apr_hash_set(door->queues, apr_pstrdup(door->pool, name), APR_HASH_KEY_STRING,
                     queue);
    }
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
    is_first = !queue->is_running;
    queue->is_running = true;
    pthread_mutex_unlock(&door->mutex);
    if (is_first)
        run_queue(door, queue, name);
    apr_pool_destroy(pool);
}
