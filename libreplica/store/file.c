/* SPDX-License-Identifier: Apache-2.0 */
/* Small files outside the storage trees. */
#include "libreplica/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/store_internal.h"

bool file_read(struct text *content, const char *path, int64_t limit, apr_pool_t *pool,
               struct error *error)
{
    struct stat status;
    size_t used = 0;
    ssize_t count = 1;
    char *bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > limit) {
        close(fd);
        return error_set(error, ERROR_TOO_LARGE,
                         "%s is not a regular file of at most %lld bytes", path,
                         (long long)limit);
    }
    bytes = apr_palloc(pool, (size_t)status.st_size + 1);
    while (used < (size_t)status.st_size && count != 0) {
        count = read(fd, bytes + used, (size_t)status.st_size - used);
        if (count < 0 && errno != EINTR)
            break;
        used += count > 0 ? (size_t)count : 0;
    }
    if (count < 0)
        error_set_errno(error, errno, "cannot read %s", path);
    close(fd);
    bytes[used] = '\0';
    *content = (struct text){bytes, used};
    return count >= 0;
}

static bool write_new(const char *path, struct text content, unsigned int mode, bool sync,
                      struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot create %s", path);
    ok = store_write_all(fd, content.bytes, content.length, path, error);
    if (ok && sync && fsync(fd) != 0)
        ok = error_set_errno(error, errno, "cannot sync %s", path);
    if (close(fd) != 0 && ok)
        ok = error_set_errno(error, errno, "cannot write %s", path);
    if (!ok)
        unlink(path);
    return ok;
}

bool file_write(const char *path, struct text content, unsigned int mode,
                struct error *error)
{
    return write_new(path, content, mode, false, error);
}

bool file_replace(const char *path, struct text content, unsigned int mode,
                  apr_pool_t *pool, struct error *error)
{
    const char *temporary = apr_psprintf(pool, "%s.txn.%ld.%" APR_TIME_T_FMT, path,
                                         (long)getpid(), apr_time_now());

    if (!write_new(temporary, content, mode, true, error))
        return false;
    if (rename(temporary, path) == 0)
        return true;
    error_set_errno(error, errno, "cannot replace %s", path);
    unlink(temporary);
    return false;
}

bool file_make_directory(const char *path, unsigned int mode, apr_pool_t *pool,
                         struct error *error)
{
    char *copy = apr_pstrdup(pool, path);

    for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(copy, mode) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot create the directory %s", copy);
        if (slash == NULL)
            return true;
        *slash = '/';
    }
}
