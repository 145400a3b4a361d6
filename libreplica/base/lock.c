/* SPDX-License-Identifier: Apache-2.0 */
/* One writer at a time, by the reference's own lock files. */
#include "libreplica/base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "libreplica/base/date.h"

#define WAIT_STEP_MICROSECONDS 100000

struct lock {
    int fd;
    apr_pool_t *pool;
};

static apr_status_t lock_cleanup(void *baton)
{
    struct lock *lock = baton;

    if (lock->fd >= 0)
        close(lock->fd);
    lock->fd = -1;
    return APR_SUCCESS;
}

void lock_release(struct lock *lock)
{
    apr_pool_cleanup_run(lock->pool, lock, lock_cleanup);
}

/* A lock file made by another user may only be readable for us; flock does not mind. */
static int lock_open(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if (fd < 0 && errno == EACCES)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd;
}

/* Whether PATH still names the inode of FD: the reference unlinks the file when it
 * releases. */
static bool lock_is_current(int fd, const char *path)
{
    struct stat locked, named;

    return fstat(fd, &locked) == 0 && lstat(path, &named) == 0 &&
           locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

static void lock_sign(int fd)
{
    char line[128], date[DATE_UTC_SIZE];
    int length;

    date_format_iso(date, apr_time_now());
    length = snprintf(line, sizeof(line), "%ld %s\n", (long)getpid(), date);
    /* For people only: a lock that cannot be signed is still a lock. */
    if (ftruncate(fd, 0) == 0 && pwrite(fd, line, (size_t)length, 0) != length)
        return;
}

static bool lock_busy(int fd, const char *path, struct error *error)
{
    char holder[64] = "";
    ssize_t length = pread(fd, holder, sizeof(holder) - 1, 0);

    holder[length > 0 ? length : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    close(fd);
    return error_set(error, ERROR_BUSY, "%s is held by %s", path,
                     *holder != '\0' ? holder : "another process");
}

bool lock_try(struct lock **lock, const char *path, apr_pool_t *pool, struct error *error)
{
    for (;;) {
        int fd = lock_open(path);

        if (fd < 0)
            return error_set_errno(error, errno, "cannot open the lock file %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int reason = errno;

            if (reason == EWOULDBLOCK)
                return lock_busy(fd, path, error);
            close(fd);
            return error_set_errno(error, reason, "cannot lock %s", path);
        }
        if (lock_is_current(fd, path)) {
            lock_sign(fd);
            *lock = apr_palloc(pool, sizeof(**lock));
            **lock = (struct lock){fd, pool};
            apr_pool_cleanup_register(pool, *lock, lock_cleanup, apr_pool_cleanup_null);
            return true;
        }
        close(fd);
    }
}

bool lock_wait(struct lock **lock, const char *path, const volatile int *stop,
               apr_pool_t *pool, struct error *error)
{
    while (!lock_try(lock, path, pool, error)) {
        if (error->code != ERROR_BUSY)
            return false;
        if (stop != NULL && *stop)
            return error_set(error, ERROR_CANCELLED, "stopped while waiting for %s",
                             path);
        apr_sleep(WAIT_STEP_MICROSECONDS);
    }
    return true;
}
