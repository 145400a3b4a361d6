/* SPDX-License-Identifier: Apache-2.0 */
/* Making what an upload holds that has come as it is: a tree, or a file's objects. */
#include "snapshotd/commit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/unpack.h"

static bool is_whole(int fd, const struct upload_file *file, struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at an upload");
    return status.st_size == file->piece.size ||
           error_set(error, ERROR_BAD_HASH,
                     "an upload has %lld bytes, not the %lld that were announced",
                     (long long)status.st_size, (long long)file->piece.size);
}

static bool open_raw(int *fd, const struct upload *upload, struct error *error)
{
    const struct upload_file *file = &APR_ARRAY_IDX(upload->files, 0, struct upload_file);
    const char *path =
        apr_pstrcat(upload->pool, upload->temporary, "/", file->name, NULL);

    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    if (is_whole(*fd, file, error))
        return true;
    close(*fd);
    return false;
}

bool commit_make_content(struct batch *batch, struct upload *upload, struct error *error)
{
    struct content_maker *maker;
    apr_pool_t *pool;
    bool ok;
    int fd;

    if (!open_raw(&fd, upload, error))
        return false;
    upload->content = content_create(upload->path, fd, upload_size(upload), 1);
    apr_pool_create(&pool, batch->pool);
    maker = content_maker_create(&batch->target, batch->store, &batch->door->stop, pool);
    ok = content_make(maker, upload->content, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

/* What is wrong with an archive is the fault of who sends it. */
static bool unpack(struct batch *batch, const struct upload *upload, struct error *error)
{
    const struct settings *settings = batch->repository->settings;
    struct archive_budget budget = {
        .bytes_max = settings_number(settings, SETTING_UNPACK_MBYTE_LIMIT) * 1024 * 1024,
        .entries_max = settings_number(settings, SETTING_UNPACK_ENTRIES)};
    struct archive_options options = {
        .base = upload->path, .uid = geteuid(), .gid = getegid(), .budget = &budget};
    bool ok;
    int fd;

    if (!open_raw(&fd, upload, error))
        return false;
    ok = unpack_put(batch->changes, NULL, fd, &options, batch->now, batch->pool, error) &&
         changes_settle(batch->changes, error);
    close(fd);
    if (!ok && (error->code == ERROR_BAD_FORMAT || error->code == ERROR_UNSUPPORTED ||
                error->code == ERROR_BAD_HASH || error->code == ERROR_NOT_FOUND))
        error->code = ERROR_USAGE;
    return ok;
}

/* The time of the directory is what its expiry is known by, whatever the archive says. */
bool commit_unpack(struct batch *batch, const struct upload *upload, struct error *error)
{
    struct change_attributes attributes = {.mode = 0755,
                                           .uid = geteuid(),
                                           .gid = getegid(),
                                           .mtime_seconds = apr_time_sec(batch->now)};

    return changes_make_directory(batch->changes, upload->path, &attributes, error) &&
           unpack(batch, upload, error) &&
           changes_put_marker(batch->changes, upload->path, attributes.uid,
                              attributes.gid, error) &&
           changes_set_attributes(batch->changes, upload->path, CHANGE_MTIME, &attributes,
                                  error);
}
