/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that are made of others. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/changes_internal.h"
#include "libreplica/store/file.h"

bool changes_remove_all(struct changes *changes, const apr_array_header_t *paths,
                        void (*absent)(void *baton, const char *path), void *baton,
                        struct error *error)
{
    for (int i = 0; i < paths->nelts; i++) {
        const char *path = APR_ARRAY_IDX(paths, i, const char *);
        struct error reason;

        if (changes_remove(changes, path, &reason))
            continue;
        if (reason.code != ERROR_NOT_FOUND) {
            if (error != NULL)
                *error = reason;
            return false;
        }
        absent(baton, path);
    }
    return true;
}

bool changes_put_empty(struct changes *changes, const char *path,
                       const struct change_attributes *attributes, struct error *error)
{
    struct catalog_entry entry;
    bool found;
    int fd;

    if (!changes_lookup(changes, &found, &entry, path, error))
        return false;
    if (found)
        return true;
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open /dev/null");
    return changes_put(changes, path, fd, attributes, error);
}

bool changes_put_text(struct changes *changes, const char *path, struct text content,
                      const struct change_attributes *attributes, struct error *error)
{
    int fd = memfd_create("replica-content", MFD_CLOEXEC);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot make a file in memory");
    if (!file_write_all(fd, content.bytes, content.length, "a file in memory", error) ||
        lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return false;
    }
    return changes_put(changes, path, fd, attributes, error);
}

bool changes_has_directory(bool *has, struct changes *changes, const char *path,
                           struct error *error)
{
    struct catalog_entry entry;

    if (!changes_lookup(changes, has, &entry, path, error))
        return false;
    *has = *has && (entry.flags & CATALOG_DIRECTORY) != 0;
    return true;
}

bool changes_put_marker(struct changes *changes, const char *path, int64_t uid,
                        int64_t gid, struct error *error)
{
    struct change_attributes attributes = {
        .mode = 0644,
        .uid = uid,
        .gid = gid,
        .mtime_seconds = changes->run.publication->now_seconds,
    };
    /* Each call clears the scratch pool. */
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, changes->pool);
    ok = changes_put_empty(changes, apr_pstrcat(own, path, "/" CATALOG_MARKER, NULL),
                           &attributes, error) &&
         changes_settle(changes, error);
    apr_pool_destroy(own);
    return ok;
}
