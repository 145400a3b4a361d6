/* SPDX-License-Identifier: Apache-2.0 */
/* Making the tree that an uploaded archive holds. */
#include "snapshotd/commit_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/unpack.h"

static bool open_archive(int *fd, const struct upload *upload, struct error *error)
{
    const char *name = APR_ARRAY_IDX(upload->files, 0, struct upload_file).name;
    const char *path = apr_pstrcat(upload->pool, upload->temporary, "/", name, NULL);

    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 || error_set_errno(error, errno, "cannot open %s", path);
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

    if (!open_archive(&fd, upload, error))
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
