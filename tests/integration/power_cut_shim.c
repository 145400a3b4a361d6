/* SPDX-License-Identifier: Apache-2.0 */
/* A library to preload: records what a program does to files, for power_cut.py.
 *
 * POWER_CUT_ROOT is the folder whose files matter, POWER_CUT_LOG the record: a line for
 * each call that succeeded, in order; POWER_CUT_DATA gets the bytes written. Each call is
 * made by its number, past the C library's own wrappers, so that nothing has to be looked
 * up. Source of the lines' meaning: power_cut.py. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define LINE_MAX_BYTES (2 * PATH_MAX + 100)

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static const char *root;
static size_t root_length;
static int log_fd = -1;
static int data_fd = -1;
static long long data_length;

static int append_only(const char *variable)
{
    const char *path = getenv(variable);

    if (path == NULL)
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path,
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

static void __attribute__((constructor)) start(void)
{
    root = getenv("POWER_CUT_ROOT");
    if (root == NULL)
        return;
    root_length = strlen(root);
    data_fd = append_only("POWER_CUT_DATA");
    log_fd = append_only("POWER_CUT_LOG");
    if (data_fd >= 0)
        data_length = syscall(SYS_lseek, data_fd, 0L, SEEK_END);
}

static bool is_inside(const char *path)
{
    return log_fd >= 0 && strncmp(path, root, root_length) == 0 &&
           path[root_length] == '/';
}

/* The path of an open file; "" if it has none. */
static const char *path_of(char path[PATH_MAX], int fd)
{
    char link[64];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    return path;
}

/* NAME as seen from a directory's descriptor, in full. */
static const char *resolve(char path[PATH_MAX], int directory, const char *name)
{
    char base[PATH_MAX];

    if (name[0] == '/')
        snprintf(path, PATH_MAX, "%s", name);
    else if (directory == AT_FDCWD)
        snprintf(path, PATH_MAX, "%.2000s/%.2000s", getcwd(base, sizeof(base)), name);
    else
        snprintf(path, PATH_MAX, "%.2000s/%.2000s", path_of(base, directory), name);
    return path;
}

static void __attribute__((format(printf, 1, 2))) record(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (syscall(SYS_write, log_fd, line, (size_t)length) != length)
        abort();
}

static void lock(void)
{
    pthread_mutex_lock(&order);
}

/* Let the next one in and keep errno for the caller. */
static long unlock(long result)
{
    int reason = errno;

    pthread_mutex_unlock(&order);
    errno = reason;
    return result;
}

static int open_at(int directory, const char *name, int flags, unsigned int mode)
{
    char path[PATH_MAX];
    long fd;

    lock();
    resolve(path, directory, name);
    fd = syscall(SYS_openat, directory, name, flags, mode);
    if (fd >= 0 && is_inside(path))
        record("open\t%ld\t%c%c%c\t%s\n", fd, (flags & O_ACCMODE) == O_RDONLY ? 'r' : 'w',
               (flags & O_CREAT) != 0 ? 'c' : '-', (flags & O_TRUNC) != 0 ? 't' : '-',
               path);
    return (int)unlock(fd);
}

#define MODE_OF(flags, last) (((flags)&O_CREAT) != 0 ? va_arg(last, unsigned int) : 0)

int open(const char *path, int flags, ...)
{
    unsigned int mode;
    va_list last;

    va_start(last, flags);
    mode = MODE_OF(flags, last);
    va_end(last);
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    unsigned int mode;
    va_list last;

    va_start(last, flags);
    mode = MODE_OF(flags, last);
    va_end(last);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    unsigned int mode;
    va_list last;

    va_start(last, flags);
    mode = MODE_OF(flags, last);
    va_end(last);
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
    unsigned int mode;
    va_list last;

    va_start(last, flags);
    mode = MODE_OF(flags, last);
    va_end(last);
    return open_at(directory, path, flags, mode);
}

int close(int fd)
{
    long result;

    lock();
    result = syscall(SYS_close, fd);
    if (log_fd >= 0)
        record("close\t%d\n", fd);
    return (int)unlock(result);
}

static void record_write(int fd, const void *bytes, ssize_t count, long long offset)
{
    char path[PATH_MAX];

    if (count <= 0 || !is_inside(path_of(path, fd)))
        return;
    if (syscall(SYS_write, data_fd, bytes, (size_t)count) != count)
        abort();
    record("write\t%d\t%lld\t%zd\t%lld\n", fd, offset, count, data_length);
    data_length += count;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    long count;

    lock();
    count = syscall(SYS_write, fd, bytes, length);
    record_write(fd, bytes, count, syscall(SYS_lseek, fd, 0L, SEEK_CUR) - count);
    return unlock(count);
}

/* Nobody minds a short count. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return count > 0 ? write(fd, parts[0].iov_base, parts[0].iov_len) : 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    long count;

    lock();
    count = syscall(SYS_pwrite64, fd, bytes, length, offset);
    record_write(fd, bytes, count, offset);
    return unlock(count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    return pwrite(fd, bytes, length, offset);
}

int ftruncate(int fd, off_t length)
{
    char path[PATH_MAX];
    long result;

    lock();
    result = syscall(SYS_ftruncate, fd, length);
    if (result == 0 && is_inside(path_of(path, fd)))
        record("truncate\t%d\t%lld\n", fd, (long long)length);
    return (int)unlock(result);
}

int ftruncate64(int fd, off_t length)
{
    return ftruncate(fd, length);
}

int renameat(int old_directory, const char *old_name, int new_directory,
             const char *new_name)
{
    char from[PATH_MAX], to[PATH_MAX];
    long result;

    lock();
    resolve(from, old_directory, old_name);
    resolve(to, new_directory, new_name);
    result = syscall(SYS_renameat2, old_directory, old_name, new_directory, new_name, 0);
    if (result == 0 && is_inside(to))
        record("rename\t%s\t%s\n", from, to);
    return (int)unlock(result);
}

int rename(const char *old_name, const char *new_name)
{
    return renameat(AT_FDCWD, old_name, AT_FDCWD, new_name);
}

int unlinkat(int directory, const char *name, int flags)
{
    char path[PATH_MAX];
    long result;

    lock();
    resolve(path, directory, name);
    result = syscall(SYS_unlinkat, directory, name, flags);
    if (result == 0 && is_inside(path))
        record("unlink\t%s\n", path);
    return (int)unlock(result);
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int symlinkat(const char *target, int directory, const char *name)
{
    char path[PATH_MAX];
    long result;

    lock();
    resolve(path, directory, name);
    result = syscall(SYS_symlinkat, target, directory, name);
    if (result == 0 && is_inside(path))
        record("symlink\t%s\t%s\n", target, path);
    return (int)unlock(result);
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    long result;

    lock();
    resolve(path, directory, name);
    result = syscall(SYS_mkdirat, directory, name, mode);
    if (result == 0 && is_inside(path))
        record("mkdir\t%s\n", path);
    return (int)unlock(result);
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}

/* A sync counts for what was done before it began: recorded when it is over. */
static int sync_one(const char *word, long number, int fd)
{
    char path[PATH_MAX];
    long result;

    lock();
    result = syscall(number, fd);
    if (result == 0 && is_inside(path_of(path, fd)))
        record("%s\t%d\t%s\n", word, fd, path);
    return (int)unlock(result);
}

int fsync(int fd)
{
    return sync_one("fsync", SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_one("fsync", SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return sync_one("syncfs", SYS_syncfs, fd);
}
