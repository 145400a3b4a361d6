/* SPDX-License-Identifier: Apache-2.0 */
/* Small files outside the storage trees. */
#include "libreplica/store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/inflate.h"
#include "libreplica/store/store_internal.h"

#define TREE_DEPTH_MAX 200

bool file_read(struct text *content, const char *path, int64_t limit, apr_pool_t *pool,
               struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    return store_read_all(content, fd, limit, path, pool, error);
}

bool file_read_secret(struct text *content, const char *path, int64_t limit,
                      apr_pool_t *pool, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (fstat(fd, &status) == 0 && (status.st_mode & 077) != 0) {
        close(fd);
        return error_set(error, ERROR_PERMISSION,
                         "%s is a secret that others than its owner may read or change "
                         "(mode %04o): chmod 0400 it",
                         path, (unsigned int)status.st_mode & 07777);
    }
    return store_read_all(content, fd, limit, path, pool, error);
}

static bool write_new(const char *path, struct text content, unsigned int mode, bool sync,
                      struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool ok;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot create %s", path);
    ok = file_write_all(fd, content.bytes, content.length, path, error);
    /* What is replaced whole is read by other users: the umask of whoever ran last must
     * not decide that. */
    if (ok && sync && fchmod(fd, mode) != 0)
        ok = error_set_errno(error, errno, "cannot change the mode of %s", path);
    if (ok && sync && fsync(fd) != 0)
        ok = error_set_errno(error, errno, "cannot sync %s", path);
    if (close(fd) != 0 && ok)
        ok = error_set_errno(error, errno, "cannot write %s", path);
    if (!ok)
        unlink(path);
    return ok;
}

bool file_inflate(int64_t *size, const char *path, int from, int64_t limit,
                  struct error *error)
{
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok;

    if (to < 0)
        return error_set_errno(error, errno, "cannot create %s", path);
    ok = inflate_file(size, from, to, limit, error);
    if (close(to) != 0 && ok)
        ok = error_set_errno(error, errno, "cannot write %s", path);
    return ok;
}

bool file_write_all(int fd, const void *bytes, size_t length, const char *what,
                    struct error *error)
{
    const char *next = bytes;

    while (length > 0) {
        ssize_t count = write(fd, next, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot write %s", what);
        next += count;
        length -= (size_t)count;
    }
    return true;
}

bool file_write(const char *path, struct text content, unsigned int mode,
                struct error *error)
{
    return write_new(path, content, mode, false, error);
}

/* A name is safe once its folder was synced. */
static bool sync_folder_of(const char *path, apr_pool_t *pool, struct error *error)
{
    const char *slash = strrchr(path, '/');
    const char *folder = slash == NULL ? "."
                         : slash == path
                             ? "/"
                             : apr_pstrndup(pool, path, (apr_size_t)(slash - path));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open the directory %s", folder);
    ok = fsync(fd) == 0 ||
         error_set_errno(error, errno, "cannot sync the directory %s", folder);
    close(fd);
    return ok;
}

bool file_rename(const char *path, const char *from, apr_pool_t *pool,
                 struct error *error)
{
    if (rename(from, path) != 0)
        return error_set_errno(error, errno, "cannot replace %s", path);
    return sync_folder_of(path, pool, error);
}

bool file_replace(const char *path, struct text content, unsigned int mode,
                  apr_pool_t *pool, struct error *error)
{
    const char *temporary = apr_psprintf(pool, "%s.txn.%ld.%" APR_TIME_T_FMT, path,
                                         (long)getpid(), apr_time_now());

    if (!write_new(temporary, content, mode, true, error))
        return false;
    if (file_rename(path, temporary, pool, error))
        return true;
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

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool file_list(apr_array_header_t *paths, const char *folder, const char *suffix,
               apr_pool_t *pool, struct error *error)
{
    const struct dirent *entry;
    int first = paths->nelts;
    DIR *directory = opendir(folder);

    if (directory == NULL)
        return error_set_errno(error, errno, "cannot list %s", folder);
    while ((entry = readdir(directory)) != NULL) {
        size_t length = strlen(entry->d_name), end = strlen(suffix);

        if (length > end && strcmp(entry->d_name + length - end, suffix) == 0)
            APR_ARRAY_PUSH(paths, const char *) =
                apr_pstrcat(pool, folder, "/", entry->d_name, NULL);
    }
    closedir(directory);
    qsort((const char **)paths->elts + first, (size_t)(paths->nelts - first),
          sizeof(const char *), by_name);
    return true;
}

static bool remove_entry(int parent, const char *name, const char *path, int depth,
                         struct error *error);

static bool remove_entries(DIR *directory, const char *path, int depth,
                           struct error *error)
{
    const struct dirent *entry;

    while ((entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !remove_entry(dirfd(directory), entry->d_name, path, depth, error))
            return false;
    return true;
}

/* Empty the directory NAME in PARENT and remove it. */
static bool remove_directory(int parent, const char *name, const char *path, int depth,
                             struct error *error)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    bool ok;

    if (directory == NULL) {
        error_set_errno(error, errno, "cannot open %s in %s", name, path);
        if (fd >= 0)
            close(fd);
        return false;
    }
    ok = depth < TREE_DEPTH_MAX
             ? remove_entries(directory, path, depth + 1, error)
             : error_set(error, ERROR_TOO_LARGE, "%s is nested too deep", path);
    closedir(directory);
    return ok && (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ||
                  error_set_errno(error, errno, "cannot remove %s in %s", name, path));
}

/* unlinkat on a directory fails with EISDIR (Linux) or EPERM (POSIX). */
static bool remove_entry(int parent, const char *name, const char *path, int depth,
                         struct error *error)
{
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return true;
    if (errno == EISDIR || errno == EPERM)
        return remove_directory(parent, name, path, depth, error);
    return error_set_errno(error, errno, "cannot remove %s in %s", name, path);
}

bool file_remove_tree(const char *path, struct error *error)
{
    return remove_entry(AT_FDCWD, path, path, 0, error);
}
