/* SPDX-License-Identifier: Apache-2.0 */
/* publish_floor TREE COMPRESSION COMPRESSOR THREADS: read, compress and hash all files
 * below TREE, and keep nothing: what publishing them cannot do without. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_general.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/hash.h"

#define THREADS_MAX 64
#define BUFFER_SIZE (256 * 1024)

static char **paths;
static size_t path_count, path_capacity, next_path;
static enum compression compression;
static enum compressor_kind kind;
static int64_t bytes_read;

static void die(const char *what)
{
    fprintf(stderr, "publish_floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int remember(const char *path, const struct stat *status, int type,
                    struct FTW *place)
{
    if (type != FTW_F || !S_ISREG(status->st_mode))
        return 0;
    if (path_count == path_capacity) {
        path_capacity = path_capacity * 2 + 1024;
        paths = realloc(paths, path_capacity * sizeof(*paths));
        if (paths == NULL)
            die("memory");
    }
    paths[path_count] = strdup(path);
    if (paths[path_count++] == NULL)
        die("memory");
    return 0;
}

static bool add(void *hasher, const void *bytes, size_t length, struct error *error)
{
    hasher_update(hasher, bytes, length);
    return true;
}

static void take_in(const char *path, struct compressor *compressor,
                    struct hasher *hasher, char *buffer)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct error error;
    struct hash hash;
    ssize_t length;

    if (fd < 0)
        die(path);
    hasher_start(hasher, HASH_SHA1);
    compressor_start(compressor, compression, add, hasher);
    while ((length = read(fd, buffer, BUFFER_SIZE)) > 0) {
        compressor_write(compressor, buffer, (size_t)length, &error);
        __atomic_add_fetch(&bytes_read, length, __ATOMIC_RELAXED);
    }
    if (length < 0)
        die(path);
    compressor_finish(compressor, &error);
    hasher_finish(hasher, &hash);
    close(fd);
}

static void *work(void *unused)
{
    struct compressor *compressor;
    struct hasher *hasher;
    apr_pool_t *pool;
    char *buffer;
    size_t index;

    apr_pool_create(&pool, NULL);
    compressor = compressor_create(kind, pool);
    hasher = hasher_create(pool);
    buffer = apr_palloc(pool, BUFFER_SIZE);
    while ((index = __atomic_fetch_add(&next_path, 1, __ATOMIC_RELAXED)) < path_count)
        take_in(paths[index], compressor, hasher, buffer);
    apr_pool_destroy(pool);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS_MAX];
    int count = argc == 5 ? atoi(argv[4]) : 0;

    if (count < 1 || count > THREADS_MAX || !compression_parse(&compression, argv[2]) ||
        !compressor_kind_parse(&kind, argv[3])) {
        fputs("publish_floor TREE none|zlib zlib|isal THREADS\n", stderr);
        return 2;
    }
    apr_initialize();
    if (nftw(argv[1], remember, 64, FTW_PHYS) != 0)
        die(argv[1]);
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            die("thread");
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%zu files, %lld bytes\n", path_count, (long long)bytes_read);
    return 0;
}
