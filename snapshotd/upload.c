/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads: rights, names and room are looked at before the first byte is sent; files are
 * made, handed out, and removed again if whoever fills them goes away. */
#include "snapshotd/upload.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/upload_path.h"
#include "libreplica/publish/publish.h"
#include "libreplica/store/store_uploads.h"
#include "libreplica/store/tree_view.h"

struct upload *upload_take(struct door_connection *connection, int64_t id)
{
    struct upload **link, *found;

    pthread_mutex_lock(&connection->mutex);
    link = &connection->uploads;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    found = *link;
    if (found != NULL)
        *link = found->next;
    pthread_mutex_unlock(&connection->mutex);
    return found;
}

static void give_back(struct door_connection *connection, struct upload *upload)
{
    pthread_mutex_lock(&connection->mutex);
    upload->next = connection->uploads;
    connection->uploads = upload;
    pthread_mutex_unlock(&connection->mutex);
}

void upload_discard(struct upload *upload)
{
    struct store *store;
    struct error unused;

    if (store_open(&store, upload->storage, upload->temporary, upload->pool, &unused))
        for (int i = 0; i < upload->files->nelts; i++)
            store_upload_remove(store,
                                APR_ARRAY_IDX(upload->files, i, struct upload_file).name);
    if (upload->content != NULL)
        content_release(upload->content);
    apr_pool_destroy(upload->pool);
}

int64_t upload_size(const struct upload *upload)
{
    int64_t size = 0;

    for (int i = 0; i < upload->files->nelts; i++)
        size += APR_ARRAY_IDX(upload->files, i, struct upload_file).piece.size;
    return size;
}

static int64_t limit_of(const struct repository *repository)
{
    return settings_number(repository->settings, SETTING_FILE_MBYTE_LIMIT) * 1024 * 1024;
}

static bool check_limit(int64_t size, int64_t limit, struct error *error)
{
    return size <= limit ||
           error_set(error, ERROR_TOO_LARGE,
                     "the file has %" PRId64 " bytes, CVMFS_FILE_MBYTE_LIMIT allows "
                     "%" PRId64,
                     size, limit);
}

static bool check_space(const struct repository *repository, struct store *store,
                        int64_t size, struct error *error)
{
    int64_t bytes, inodes;
    int64_t least = settings_number(repository->settings, SETTING_MIN_FREE_BYTES);
    int64_t least_inodes = settings_number(repository->settings, SETTING_MIN_FREE_INODES);

    if (!store_space(store, &bytes, &inodes, error))
        return false;
    if (bytes - size < least)
        return error_set(error, ERROR_NO_SPACE,
                         "the file system of %s has %" PRId64 " bytes free; %" PRId64
                         " are needed and %" PRId64 " (REPLICA_MIN_FREE_BYTES) kept",
                         repository->storage, bytes, size, least);
    return inodes >= least_inodes ||
           error_set(error, ERROR_NO_SPACE,
                     "the file system of %s has %" PRId64 " inodes free; %" PRId64
                     " (REPLICA_MIN_FREE_INODES) are kept",
                     repository->storage, inodes, least_inodes);
}

/* What can be known before anything is sent. The reader's copy of the size is a lower
 * bound where it is not exact. */
static bool check_room(struct store **store, const struct door_context *context,
                       const struct door_job *job, struct error *error)
{
    const struct repository *repository = context->repository;

    return check_limit(job->request.size, limit_of(repository), error) &&
           repository_open_store(store, repository, job->pool, error) &&
           check_space(repository, *store, job->request.size, error);
}

void answer_upload_check(struct door_job *job)
{
    struct message_answer answer = {NULL};
    struct door_context context;
    struct store *store;
    struct error error;

    if (!door_context_open(&context, job, ACCESS_WRITE, NULL, &error)) {
        door_fail(job, &error);
        return;
    }
    answer.limit = limit_of(context.repository);
    if (check_room(&store, &context, job, &error))
        door_done(job, &answer, -1);
    else
        door_fail_inside(job, &error);
}

static bool check_parents(struct tree_view *view, const struct door_job *job,
                          struct error *error)
{
    const char *path = job->request.path;
    struct catalog_entry entry;
    bool found = true;

    for (const char *slash = strchr(path + 1, '/'); found && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        const char *parent = apr_pstrmemdup(job->pool, path, (size_t)(slash - path));

        if (!tree_view_find(view, &found, &entry, parent, error))
            return false;
        if (found && !(entry.flags & CATALOG_DIRECTORY))
            return error_set(error, ERROR_EXISTS, "%.150s is no directory", parent);
    }
    return true;
}

/* Only a first look: what counts is what is there at the commit. */
static bool check_name(struct tree_view *view, const struct door_job *job,
                       struct error *error)
{
    const char *path = job->request.path;
    struct catalog_entry entry;
    bool found;

    if (!tree_view_find(view, &found, &entry, path, error))
        return false;
    if (found && ((entry.flags & CATALOG_DIRECTORY && !job->request.unpacks) ||
                  !job->request.overwrites))
        return error_set(error, ERROR_EXISTS, "%.150s is there already%s", path,
                         entry.flags & CATALOG_DIRECTORY ? ", as a directory" : "");
    return check_parents(view, job, error);
}

static bool check_conflict(const struct door_context *context, struct door_job *job,
                           struct error *error)
{
    struct tree_view *view;
    bool ok;

    if (!door_view_enter(&view, context, job, error))
        return false;
    ok = check_name(view, job, error);
    door_view_leave(context, job);
    return ok;
}

static struct upload *create(const struct door_context *context,
                             const struct door_job *job)
{
    const struct repository *repository = context->repository;
    struct upload *upload;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    upload = apr_pcalloc(pool, sizeof(*upload));
    upload->pool = pool;
    upload->id = atomic_fetch_add(&job->connection->door->last_upload, 1) + 1;
    upload->repository = apr_pstrdup(pool, repository->local_name);
    upload->storage = apr_pstrdup(pool, repository->storage);
    upload->temporary = apr_pstrdup(pool, repository->temporary);
    upload->path = apr_pstrdup(pool, job->request.path);
    upload->overwrites = job->request.overwrites;
    upload->unpacks = job->request.unpacks;
    upload->ttl_seconds = job->request.ttl_seconds;
    upload->limit = limit_of(repository);
    upload->files = apr_array_make(pool, 1, sizeof(struct upload_file));
    return upload;
}

/* Make the file for the next piece. The caller closes *FD. */
static bool add_file(struct upload *upload, int *fd, struct store *store,
                     struct error *error)
{
    struct upload_file file = {NULL};

    if (!store_upload_create(fd, &file.name, store, upload->pool, error))
        return false;
    APR_ARRAY_PUSH(upload->files, struct upload_file) = file;
    return true;
}

static void describe(struct message_answer *answer, struct upload *upload,
                     const struct publish_target *target)
{
    answer->upload = upload->id;
    answer->limit = upload->limit;
    /* As it comes: objects are made of it when it is published, of one that is to be kept
     * whole beside its chunks, too. */
    upload->is_raw =
        upload->unpacks || (target->chunks_files && target->keeps_whole_files);
    if (upload->is_raw)
        return;
    upload->algorithm = target->algorithm;
    answer->algorithm = hash_algorithm_name(target->algorithm);
    answer->compression = compression_name(target->compression);
    answer->compressor = compressor_kind_name(target->compressor);
    answer->cuts_files = target->chunks_files;
    answer->minimum_chunk = target->minimum_chunk;
    answer->average_chunk = target->average_chunk;
    answer->maximum_chunk = target->maximum_chunk;
}

static bool begin(struct upload **upload, int *fd, struct message_answer *answer,
                  const struct door_context *context, struct door_job *job,
                  struct error *error)
{
    struct publish_target target;
    struct store *store;

    if (!publish_target_of(&target, context->repository, context->keys, job->pool,
                           error) ||
        !check_room(&store, context, job, error) || !check_conflict(context, job, error))
        return false;
    *upload = create(context, job);
    describe(answer, *upload, &target);
    if (add_file(*upload, fd, store, error))
        return true;
    upload_discard(*upload);
    return false;
}

static bool check_request(const struct door_job *job, struct error *error)
{
    if (job->request.path == NULL)
        return error_set(error, ERROR_USAGE, "an upload needs a path");
    return upload_path_check(text_of(job->request.path), error);
}

void answer_upload_begin(struct door_job *job)
{
    struct message_answer answer = {NULL};
    struct door_context context;
    struct upload *upload;
    struct error error;
    int fd;

    if (!check_request(job, &error) ||
        !door_context_open(&context, job, ACCESS_WRITE, job->request.path, &error)) {
        door_fail(job, &error);
        return;
    }
    if (!begin(&upload, &fd, &answer, &context, job, &error)) {
        door_fail_inside(job, &error);
        return;
    }
    give_back(job->connection, upload);
    door_done(job, &answer, fd);
}

static bool take_hash(struct upload_file *file, const struct upload *upload,
                      const struct message_request *request)
{
    return upload->is_raw || (request->hash != NULL &&
                              hash_parse(&file->piece.hash, text_of(request->hash)) &&
                              file->piece.hash.algorithm == upload->algorithm);
}

/* Note what the present file holds. */
static bool complete(struct upload *upload, const struct message_request *request,
                     bool is_last, struct error *error)
{
    struct upload_file *file =
        &APR_ARRAY_IDX(upload->files, upload->files->nelts - 1, struct upload_file);
    bool is_whole = is_last && upload->files->nelts == 1;

    if (!take_hash(file, upload, request) || request->is_whole != is_whole ||
        (upload->is_raw && !is_whole))
        return error_set(error, ERROR_USAGE, "a piece of an upload makes no sense");
    file->piece.size = request->piece_size;
    file->piece.stored = request->stored_size;
    file->piece.is_whole = is_whole;
    return check_limit(upload_size(upload), upload->limit, error);
}

static struct upload *find(struct door_job *job)
{
    struct upload *upload = upload_take(job->connection, job->request.upload);
    struct error error;

    if (upload != NULL)
        return upload;
    error_set(&error, ERROR_USAGE, "there is no such upload");
    door_fail(job, &error);
    return NULL;
}

void answer_upload_next(struct door_job *job)
{
    struct upload *upload = find(job);
    struct message_answer answer = {NULL};
    struct store *store;
    struct error error;
    int fd;

    if (upload == NULL)
        return;
    if (!complete(upload, &job->request, false, &error) ||
        !store_open(&store, upload->storage, upload->temporary, job->pool, &error) ||
        !add_file(upload, &fd, store, &error)) {
        upload_discard(upload);
        door_fail_inside(job, &error);
        return;
    }
    answer.upload = upload->id;
    give_back(job->connection, upload);
    door_done(job, &answer, fd);
}

void answer_upload_finish(struct door_job *job)
{
    struct upload *upload = find(job);
    struct error error;

    if (upload == NULL)
        return;
    if (!complete(upload, &job->request, true, &error)) {
        upload_discard(upload);
        door_fail_inside(job, &error);
        return;
    }
    job->upload = upload;
    job->request.repository = apr_pstrdup(job->pool, upload->repository);
    job->request.path = apr_pstrdup(job->pool, upload->path);
    commit_submit(job);
}
