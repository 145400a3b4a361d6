/* SPDX-License-Identifier: Apache-2.0 */
/* Making the changes that uploads and removals ask for. */
#include "snapshotd/commit_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/store_uploads.h"

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

static bool make_objects(struct content *content, struct batch *batch,
                         struct upload *upload, struct error *error)
{
    if (upload->is_raw) {
        if (!commit_make_content(batch, upload, error))
            return false;
        *content = *upload->content;
        return true;
    }
    *content = content_of(upload, batch->pool);
    return name_objects(batch, upload, error);
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
        APR_ARRAY_PUSH(batch->directories, const char *) = parent;
    }
    return true;
}

/* The directories that were made for what then could not be put there. */
static void remove_parents(struct batch *batch, const char *path, size_t length)
{
    const char *slash = strchr(path + length + 1, '/');
    struct catalog_entry entry;
    struct error unused;
    const char *first;
    bool found;

    if (slash == NULL)
        return;
    first = apr_pstrmemdup(batch->pool, path, (size_t)(slash - path));
    if (changes_lookup(batch->changes, &found, &entry, first, &unused) && found)
        changes_remove(batch->changes, first, &unused);
}

static bool put_in_directories(struct batch *batch, const char *path, size_t length,
                               const struct content *content, struct error *error)
{
    struct change_attributes attributes = attributes_of(batch, 0644);

    if (make_parents(batch, path, length, error) &&
        changes_put_stored(batch->changes, path, content, &attributes, error))
        return true;
    remove_parents(batch, path, length);
    return false;
}

static bool apply_upload(struct batch *batch, struct door_job *job, struct error *error)
{
    struct upload *upload = job->upload;
    struct content content;
    struct catalog_entry entry;
    size_t length;
    bool found;

    if (!changes_lookup(batch->changes, &found, &entry, upload->path, error))
        return false;
    if (found && (entry.flags & CATALOG_DIRECTORY || !upload->overwrites))
        return error_set(error, ERROR_EXISTS, "%.150s is there already", upload->path);
    if (!find_parents(&length, batch, upload->path, error) ||
        !make_objects(&content, batch, upload, error) ||
        !put_in_directories(batch, upload->path, length, &content, error))
        return false;
    if (upload->ttl_seconds > 0)
        job->answer.expires_at = batch->now + apr_time_from_sec(upload->ttl_seconds);
    return true;
}

/* All of what was there goes in the same revision. */
static bool apply_archive(struct batch *batch, struct door_job *job, struct error *error)
{
    struct upload *upload = job->upload;
    struct catalog_entry entry;
    size_t length;
    bool found;

    if (!changes_lookup(batch->changes, &found, &entry, upload->path, error))
        return false;
    if (found && !upload->overwrites)
        return error_set(error, ERROR_EXISTS, "%.150s is there already", upload->path);
    if (!find_parents(&length, batch, upload->path, error) ||
        (found && !changes_remove(batch->changes, upload->path, error)) ||
        !make_parents(batch, upload->path, length, error) ||
        !commit_unpack(batch, upload, error))
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
    /* A tree that was unpacked has a catalog of its own; other directories stay. */
    if (!found || ((entry.flags & CATALOG_DIRECTORY) &&
                   !(entry.flags & (CATALOG_MOUNTPOINT | CATALOG_NESTED_ROOT))))
        return error_set(error, ERROR_NOT_FOUND,
                         "there is no file %.150s, nor a tree that was unpacked", path);
    return changes_remove(batch->changes, path, error);
}

int commit_apply(struct batch *batch)
{
    int good = 0;

    for (struct door_job *job = batch->jobs; job != NULL; job = job->next) {
        if (job->cleans || job->collects)
            continue;
        if (job->has_set_ttl) /* whoever waits for it: it is set */
            job->is_good = true;
        else if (door_job_is_given_up(job))
            job->is_good = error_set(&job->error, ERROR_CANCELLED, "the caller has gone");
        else if (job->upload != NULL && job->upload->unpacks)
            job->is_good = apply_archive(batch, job, &job->error);
        else if (job->upload != NULL)
            job->is_good = apply_upload(batch, job, &job->error);
        else
            job->is_good = apply_removal(batch, job, &job->error);
        good += job->is_good;
    }
    return good;
}
