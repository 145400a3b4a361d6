/* SPDX-License-Identifier: Apache-2.0 */
/* Takes and releases a lock many times, and fails when it is not alone: for tests.
 *
 *   lock_tool try|wait LOCK OWNER ROUNDS
 * OWNER is a file that exists while somebody holds the lock. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_general.h>

#include "libreplica/base/lock.h"

static bool take(struct lock **lock, bool waits, const char *path, apr_pool_t *pool,
                 struct error *error)
{
    if (waits)
        return lock_wait(lock, path, NULL, pool, error);
    while (!lock_try(lock, path, pool, error)) {
        if (error->code != ERROR_BUSY)
            return false;
        usleep(50);
    }
    return true;
}

/* What a holder does: nobody else may do it meanwhile. */
static bool be_alone(const char *owner, struct error *error)
{
    int fd = open(owner, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_set_errno(error, errno, "two holders: cannot create %s", owner);
    close(fd);
    usleep(20);
    return unlink(owner) == 0 ||
           error_set_errno(error, errno, "two holders: cannot remove %s", owner);
}

static bool run(bool waits, const char *path, const char *owner, int rounds,
                apr_pool_t *pool, struct error *error)
{
    apr_pool_t *scratch;
    bool ok = true;

    apr_pool_create(&scratch, pool);
    for (int i = 0; ok && i < rounds; i++) {
        struct lock *lock;

        apr_pool_clear(scratch);
        ok = take(&lock, waits, path, scratch, error) && be_alone(owner, error);
    }
    return ok;
}

int main(int argc, char **argv)
{
    struct error error;
    apr_pool_t *pool;
    bool ok;

    apr_initialize();
    atexit(apr_terminate);
    if (argc != 5) {
        fputs("usage: lock_tool try|wait LOCK OWNER ROUNDS\n", stderr);
        return 2;
    }
    apr_pool_create(&pool, NULL);
    ok = run(strcmp(argv[1], "wait") == 0, argv[2], argv[3], atoi(argv[4]), pool, &error);
    if (!ok)
        fprintf(stderr, "%s\n", error.message);
    apr_pool_destroy(pool);
    return ok ? 0 : 1;
}
