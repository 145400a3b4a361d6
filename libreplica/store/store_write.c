/* SPDX-License-Identifier: Apache-2.0 */
/* Writing objects: buffered, hashed while written, named only when complete. */
#include "libreplica/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

/* Most objects are smaller and reach the disk in one write. */
#define FILE_BUFFER_SIZE    (32 * 1024)
#define TEMPORARY_NAME_SIZE 64

struct store_file {
    struct store *store;
    struct store_file *next_spare;
    apr_pool_t *pool; /* of this use; its cleanup aborts the file */
    struct hasher *hasher;
    int fd; /* -1 until something has to be written out */
    bool is_finished;
    struct hash hash; /* once finished */
    enum hash_algorithm algorithm;
    int64_t size;
    size_t buffered;
    char name[TEMPORARY_NAME_SIZE]; /* in the temporary folder */
    unsigned char buffer[FILE_BUFFER_SIZE];
};

void store_temporary_name(char *name, size_t size, struct store *store)
{
    snprintf(name, size, "replica.%ld.%llx.%x", (long)getpid(),
             (unsigned long long)apr_time_now(), store->counter++);
}

bool store_write_all(int fd, const void *bytes, size_t length, const char *what,
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

/* Drop the temporary file, if there is one, and keep the struct for the next use. */
static apr_status_t file_release(void *baton)
{
    struct store_file *file = baton;

    if (file->fd >= 0) {
        close(file->fd);
        unlinkat(file->store->temporary_fd, file->name, 0);
        file->fd = -1;
    }
    file->next_spare = file->store->spare;
    file->store->spare = file;
    return APR_SUCCESS;
}

bool store_begin(struct store_file **file, struct store *store,
                 enum hash_algorithm algorithm, apr_pool_t *pool, struct error *error)
{
    struct store_file *begun = store->spare;
    int folder;

    if (!store_temporary_folder(&folder, store, error))
        return false;
    if (begun != NULL) {
        store->spare = begun->next_spare;
    } else {
        begun = apr_palloc(store->pool, sizeof(*begun));
        begun->store = store;
        begun->hasher = hasher_create(store->pool);
        begun->fd = -1;
    }
    begun->pool = pool;
    begun->algorithm = algorithm;
    begun->size = 0;
    begun->buffered = 0;
    begun->is_finished = false;
    hasher_start(begun->hasher, algorithm);
    apr_pool_cleanup_register(pool, begun, file_release, apr_pool_cleanup_null);
    *file = begun;
    return true;
}

static bool file_flush(struct store_file *file, struct error *error)
{
    struct store *store = file->store;

    if (file->fd < 0) {
        store_temporary_name(file->name, sizeof(file->name), store);
        file->fd = openat(store->temporary_fd, file->name,
                          O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd < 0)
            return error_set_errno(error, errno, "cannot create a file in %s",
                                   store->temporary);
    }
    if (!store_write_all(file->fd, file->buffer, file->buffered, store->temporary, error))
        return false;
    file->buffered = 0;
    return true;
}

bool store_write(struct store_file *file, const void *bytes, size_t length,
                 struct error *error)
{
    const unsigned char *next = bytes;

    hasher_update(file->hasher, bytes, length);
    file->size += (int64_t)length;
    while (length > 0) {
        size_t part = FILE_BUFFER_SIZE - file->buffered;

        if (part > length)
            part = length;
        memcpy(file->buffer + file->buffered, next, part);
        file->buffered += part;
        next += part;
        length -= part;
        if (file->buffered == FILE_BUFFER_SIZE && !file_flush(file, error))
            return false;
    }
    return true;
}

bool store_rewind(struct store_file *file, struct error *error)
{
    if (file->fd >= 0 &&
        (ftruncate(file->fd, 0) != 0 || lseek(file->fd, 0, SEEK_SET) != 0))
        return error_set_errno(error, errno, "cannot truncate a file in %s",
                               file->store->temporary);
    file->size = 0;
    file->buffered = 0;
    file->is_finished = false;
    hasher_start(file->hasher, file->algorithm);
    return true;
}

bool store_finish(struct store_file *file, struct hash *hash, int64_t *size,
                  struct error *error)
{
    if (!file->is_finished) {
        if ((file->buffered > 0 || file->fd < 0) && !file_flush(file, error))
            return false;
        hasher_finish(file->hasher, &file->hash);
        file->is_finished = true;
    }
    *hash = file->hash;
    *size = file->size;
    return true;
}

int store_descriptor(const struct store_file *file)
{
    return file->fd;
}

static bool file_commit(struct store_file *file, const struct object *object,
                        struct error *error)
{
    struct store *store = file->store;
    char name[OBJECT_NAME_SIZE];
    const char *file_name;
    int folder, fd = file->fd;

    if (!file->is_finished || !hash_equals(&file->hash, &object->hash))
        return error_set(error, ERROR_BAD_HASH,
                         "refusing to store %s: its bytes hash to "
                         "something else",
                         object_name(name, object));
    if (!store_place(&folder, &file_name, name, store, object, error))
        return false;
    /* Delayed write errors (quota, network file systems) show up at close. */
    file->fd = -1;
    if (close(fd) != 0) {
        error_set_errno(error, errno, "cannot write object %s in %s", name, store->root);
        unlinkat(store->temporary_fd, file->name, 0);
        return false;
    }
    if (renameat(store->temporary_fd, file->name, folder, file_name) != 0) {
        error_set_errno(error, errno, "cannot name object %s in %s", name, store->root);
        unlinkat(store->temporary_fd, file->name, 0);
        return false;
    }
    return true;
}

bool store_commit(struct store_file *file, const struct object *object,
                  struct error *error)
{
    bool ok = file_commit(file, object, error);

    store_abort(file);
    return ok;
}

void store_abort(struct store_file *file)
{
    apr_pool_cleanup_run(file->pool, file, file_release);
}
