/* SPDX-License-Identifier: Apache-2.0 */
/* Changing files that others made, so that only what should change does. */
#include "libreplica/operate/adopt_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define PASSWORD_BUFFER_SIZE (64 * 1024)
#define ATTRIBUTE_SIZE_MAX   (64 * 1024)

static const char *folder_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? "/" : apr_pstrmemdup(pool, path, (size_t)(slash - path));
}

static bool sync_folder(const char *path, apr_pool_t *pool, struct error *error)
{
    const char *folder = folder_of(path, pool);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        error_set_errno(error, errno, "cannot sync the directory %s", folder);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Labels and access lists; a file system without them is no error. */
static void copy_attributes(int from, int to, apr_pool_t *pool)
{
    char *names = apr_palloc(pool, ATTRIBUTE_SIZE_MAX);
    char *value = apr_palloc(pool, ATTRIBUTE_SIZE_MAX);
    ssize_t length = flistxattr(from, names, ATTRIBUTE_SIZE_MAX);

    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(names + at) + 1) {
        ssize_t size = fgetxattr(from, names + at, value, ATTRIBUTE_SIZE_MAX);

        if (size >= 0 && fsetxattr(to, names + at, value, (size_t)size, 0) != 0)
            continue;
    }
}

static const char *temporary_of(const char *path, apr_pool_t *pool)
{
    /* The dot keeps it from being taken for one of its kind; a fixed name, so that what a
     * kill leaves is found. */
    return apr_pstrcat(pool, folder_of(path, pool), "/.", strrchr(path, '/') + 1,
                       ".replica-adopt", NULL);
}

void adopt_remove_temporary(const char *path, apr_pool_t *pool)
{
    unlink(temporary_of(path, pool));
}

/* OLD -1: there is none, MODE counts. */
static bool fill(int new, int old, struct text content, unsigned int mode,
                 apr_pool_t *pool)
{
    struct stat status;

    if (!file_write_all(new, content.bytes, content.length, "a file", NULL))
        return false;
    if (old >= 0) {
        if (fstat(old, &status) != 0 || fchown(new, status.st_uid, status.st_gid) != 0)
            return false;
        copy_attributes(old, new, pool);
        mode = status.st_mode & 07777;
    }
    return fchmod(new, mode) == 0 && fsync(new) == 0;
}

static bool write_over(int old, const char *path, struct text content, unsigned int mode,
                       apr_pool_t *pool, struct error *error)
{
    const char *temporary = temporary_of(path, pool);
    bool ok;
    int new;

    unlink(temporary);
    new = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (new < 0)
        return error_set_errno(error, errno, "cannot create %s", temporary);
    ok = fill(new, old, content, mode, pool) && rename(temporary, path) == 0;
    if (!ok) {
        error_set_errno(error, errno, "cannot write %s", path);
        unlink(temporary);
    }
    close(new);
    return ok && sync_folder(path, pool, error);
}

bool adopt_write(const char *path, struct text content, unsigned int mode,
                 apr_pool_t *pool, struct error *error)
{
    return write_over(-1, path, content, mode, pool, error);
}

bool adopt_replace(const char *path, struct text content, apr_pool_t *pool,
                   struct error *error)
{
    int old = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    bool ok;

    if (old < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    ok = fstat(old, &status) == 0 && S_ISREG(status.st_mode)
             ? write_over(old, path, content, 0, pool, error)
             : error_set(error, ERROR_EXISTS, "%s is no regular file", path);
    close(old);
    return ok;
}

bool adopt_rename(const char *from, const char *to, apr_pool_t *pool, struct error *error)
{
    struct stat status;

    if (lstat(to, &status) == 0)
        return error_set(error, ERROR_EXISTS, "%s is there already", to);
    return (rename(from, to) == 0 ||
            error_set_errno(error, errno, "cannot rename %s to %s", from, to)) &&
           sync_folder(to, pool, error);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

apr_array_header_t *adopt_entries(const char *folder, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));
    const struct dirent *entry;
    DIR *directory = opendir(folder);

    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(pool, entry->d_name);
    if (directory != NULL)
        closedir(directory);
    if (names->nelts > 1)
        qsort(names->elts, (size_t)names->nelts, sizeof(const char *), by_name);
    return names;
}

const char *adopt_user_name(unsigned int uid, apr_pool_t *pool)
{
    char *buffer = apr_palloc(pool, PASSWORD_BUFFER_SIZE);
    struct passwd entry, *found = NULL;

    getpwuid_r((uid_t)uid, &entry, buffer, PASSWORD_BUFFER_SIZE, &found);
    return found != NULL ? apr_pstrdup(pool, found->pw_name)
                         : apr_psprintf(pool, "user %u", uid);
}

static apr_status_t close_lock(void *baton)
{
    close((int)(intptr_t)baton);
    return APR_SUCCESS;
}

/* Whether the locked file still has its name: the reference unlinks it on release. */
static bool is_current(int fd, int spool, const char *name)
{
    struct stat locked, named;

    return fstat(fd, &locked) == 0 &&
           fstatat(spool, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

/* A lock file belongs to whom the spool does: the reference, run by him, opens it for
 * writing. */
static bool create_lock(int *lock, int spool, const char *name)
{
    struct stat status;

    *lock =
        openat(spool, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return *lock >= 0 && fstat(spool, &status) == 0 &&
           (status.st_uid == geteuid() || fchown(*lock, status.st_uid, (gid_t)-1) == 0);
}

/* *lock -1: there is no such file. */
static bool open_lock(int *lock, int spool, const char *name, bool creates)
{
    *lock = openat(spool, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*lock < 0 && errno == ENOENT && creates)
        return create_lock(lock, spool, name);
    return *lock >= 0 || errno == ENOENT;
}

static bool take_lock(bool *busy, int spool, const char *path, bool creates,
                      apr_pool_t *pool, struct error *error)
{
    const char *name = spool == AT_FDCWD ? path : strrchr(path, '/') + 1;
    int lock;

    do {
        if (!open_lock(&lock, spool, name, creates))
            return error_set_errno(error, errno, "cannot open the lock file %s", path);
        if (lock < 0)
            return true;
        apr_pool_cleanup_register(pool, (void *)(intptr_t)lock, close_lock,
                                  apr_pool_cleanup_null);
        if (flock(lock, LOCK_EX | LOCK_NB) == 0)
            continue;
        *busy = errno == EWOULDBLOCK;
        return *busy || error_set_errno(error, errno, "cannot lock %s", path);
    } while (!is_current(lock, spool, name));
    return true;
}

bool adopt_lock(bool *busy, const char *spool, bool creates, apr_pool_t *pool,
                struct error *error)
{
    const struct repository named = {.spool = spool};
    int folder = open(spool, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok;

    *busy = false;
    if (folder < 0)
        return errno == ENOENT || error_set_errno(error, errno, "cannot open %s", spool);
    ok = take_lock(busy, folder, repository_update_lock(&named, pool), creates, pool,
                   error) &&
         (*busy || take_lock(busy, folder, repository_collect_lock(&named, pool), false,
                             pool, error));
    close(folder);
    return ok;
}

bool adopt_lock_daemon(bool *busy, const struct adopt_options *options, apr_pool_t *pool,
                       struct error *error)
{
    const char *spool = settings_text(options->server, SETTING_SERVER_SPOOL_DIR);

    *busy = false;
    return take_lock(busy, AT_FDCWD, apr_pstrcat(pool, spool, "/snapshotd.lock", NULL),
                     false, pool, error);
}

bool adopt_lock_server(const char *confdir, apr_pool_t *pool, struct error *error)
{
    int fd = open(confdir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", confdir);
    apr_pool_cleanup_register(pool, (void *)(intptr_t)fd, close_lock,
                              apr_pool_cleanup_null);
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ||
           error_set(error, ERROR_BUSY, "another adoption of %s is under way", confdir);
}

bool adopt_folder_apply(bool *kept, const struct adopt_step *step,
                        const struct adopt_options *options, apr_pool_t *pool,
                        struct error *error)
{
    return file_make_directory(step->path, 0755, pool, error);
}

bool adopt_folder_undo(bool *kept, const struct adopt_step *step,
                       const struct adopt_options *options, apr_pool_t *pool,
                       struct error *error)
{
    if (rmdir(step->path) == 0 || errno == ENOENT)
        return true;
    *kept = true;
    adopt_say(options, pool, "%s stays: %s", step->path, strerror(errno));
    return true;
}

/* *theirs: there is something else than what we wrote or would write over. */
static bool look_at_file(bool *there, bool *theirs, const struct adopt_step *step,
                         apr_pool_t *pool, struct error *error)
{
    struct text text;

    *theirs = false;
    *there = file_read(&text, step->path, ADOPT_FILE_SIZE_MAX, pool, error);
    if (!*there)
        return error->code == ERROR_NOT_FOUND;
    *theirs = !text_equals(text, step->after) &&
              (*step->before == '\0' || !text_equals(text, step->before));
    return true;
}

bool adopt_file_apply(bool *kept, const struct adopt_step *step,
                      const struct adopt_options *options, apr_pool_t *pool,
                      struct error *error)
{
    bool there, theirs;

    if (!look_at_file(&there, &theirs, step, pool, error))
        return false;
    if (!theirs)
        return adopt_write(step->path, text_of(step->after), 0644, pool, error);
    *kept = true;
    adopt_say(options, pool, "%s was changed by hand and stays as it is", step->path);
    return true;
}

bool adopt_file_undo(bool *kept, const struct adopt_step *step,
                     const struct adopt_options *options, apr_pool_t *pool,
                     struct error *error)
{
    bool there, theirs;

    adopt_remove_temporary(step->path, pool);
    if (!look_at_file(&there, &theirs, step, pool, error))
        return false;
    if (theirs) {
        *kept = true;
        adopt_say(options, pool, "%s was changed by hand and stays", step->path);
        return true;
    }
    return !there || unlink(step->path) == 0 ||
           error_set_errno(error, errno, "cannot remove %s", step->path);
}
