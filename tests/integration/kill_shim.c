/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: kills it just before its KILL_AT-th change of the file
 * system, so that a test can kill at each one. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void count(void)
{
    static long left;
    const char *text = getenv("KILL_AT");

    if (left == 0)
        left = text != NULL ? atol(text) : -1;
    if (--left == 0)
        kill(getpid(), SIGKILL);
}

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = next("rename");

    count();
    return real(from, to);
}

int unlink(const char *path)
{
    int (*real)(const char *) = next("unlink");

    count();
    return real(path);
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t) = next("mkdir");

    count();
    return real(path, mode);
}

int rmdir(const char *path)
{
    int (*real)(const char *) = next("rmdir");

    count();
    return real(path);
}

int fchownat(int folder, const char *path, uid_t user, gid_t group, int flags)
{
    int (*real)(int, const char *, uid_t, gid_t, int) = next("fchownat");

    count();
    return real(folder, path, user, group, flags);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = next("write");

    if (fd > STDERR_FILENO)
        count();
    return real(fd, bytes, size);
}

int fsync(int fd)
{
    int (*real)(int) = next("fsync");

    count();
    return real(fd);
}
