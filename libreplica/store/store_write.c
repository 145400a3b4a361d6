/* SPDX-License-Identifier: Apache-2.0 */
/* Writing objects: buffered, hashed while written, named only when complete. */
#include "libreplica/store/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

/* Most objects are smaller and reach the disk in one write. */
#define FILE_BUFFER_SIZE    (32 * 1024)
#define TEMPORARY_NAME_SIZE 64

/* What only a file that is being filled needs. */
struct store_writer {
    struct store_writer *next_spare;
    struct hasher *hasher;
    size_t buffered;
    unsigned char buffer[FILE_BUFFER_SIZE];
};

struct store_file {
    struct store *store;
    struct store_file *next_spare;
    apr_pool_t *pool;            /* of this use; its cleanup aborts the file */
    struct store_writer *writer; /* NULL once finished */
    int fd;                      /* -1: not written out yet, or parked */
    bool is_named;               /* a temporary file exists */
    enum hash_algorithm algorithm;
    struct hash hash; /* once finished */
    int64_t size;
    char name[TEMPORARY_NAME_SIZE]; /* in the temporary folder */
};

/* Several handles, in several threads, name files in one folder. */
static atomic_uint temporary_names;

void store_temporary_name(char *name, size_t size, struct store *store)
{
    snprintf(name, size, STORE_TEMPORARY_PREFIX "%ld.%llx.%x", (long)getpid(),
             (unsigned long long)apr_time_now(), atomic_fetch_add(&temporary_names, 1));
}

static void writer_release(struct store_file *file)
{
    if (file->writer != NULL) {
        file->writer->next_spare = file->store->writers;
        file->store->writers = file->writer;
        file->writer = NULL;
    }
}

static struct store_writer *writer_take(struct store *store)
{
    struct store_writer *writer = store->writers;

    if (writer != NULL) {
        store->writers = writer->next_spare;
    } else {
        writer = apr_palloc(store->pool, sizeof(*writer));
        writer->hasher = hasher_create(store->pool);
    }
    writer->buffered = 0;
    return writer;
}

/* Drop the temporary file, if there is one, and keep the structs for the next use. */
static apr_status_t file_release(void *baton)
{
    struct store_file *file = baton;

    if (file->fd >= 0)
        close(file->fd);
    if (file->is_named)
        unlinkat(file->store->temporary_fd, file->name, 0);
    file->fd = -1;
    file->is_named = false;
    writer_release(file);
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
        begun = apr_pcalloc(store->pool, sizeof(*begun));
        begun->store = store;
        begun->fd = -1;
    }
    begun->pool = pool;
    begun->algorithm = algorithm;
    begun->size = 0;
    begun->writer = writer_take(store);
    hasher_start(begun->writer->hasher, algorithm);
    apr_pool_cleanup_register(pool, begun, file_release, apr_pool_cleanup_null);
    *file = begun;
    return true;
}

static bool file_flush(struct store_file *file, struct error *error)
{
    struct store_writer *writer = file->writer;
    struct store *store = file->store;

    if (file->fd < 0) {
        store_temporary_name(file->name, sizeof(file->name), store);
        file->fd = openat(store->temporary_fd, file->name,
                          O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd < 0)
            return error_set_errno(error, errno, "cannot create a file in %s",
                                   store->temporary);
        file->is_named = true;
    }
    if (!file_write_all(file->fd, writer->buffer, writer->buffered, store->temporary,
                        error))
        return false;
    writer->buffered = 0;
    return true;
}

bool store_write(struct store_file *file, const void *bytes, size_t length,
                 struct error *error)
{
    struct store_writer *writer = file->writer;
    const unsigned char *next = bytes;

    hasher_update(writer->hasher, bytes, length);
    file->size += (int64_t)length;
    while (length > 0) {
        size_t part = FILE_BUFFER_SIZE - writer->buffered;

        if (part > length)
            part = length;
        memcpy(writer->buffer + writer->buffered, next, part);
        writer->buffered += part;
        next += part;
        length -= part;
        if (writer->buffered == FILE_BUFFER_SIZE && !file_flush(file, error))
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
    if (file->writer == NULL)
        file->writer = writer_take(file->store);
    file->writer->buffered = 0;
    file->size = 0;
    hasher_start(file->writer->hasher, file->algorithm);
    return true;
}

bool store_finish(struct store_file *file, struct hash *hash, int64_t *size,
                  struct error *error)
{
    if (file->writer != NULL) {
        if ((file->writer->buffered > 0 || file->fd < 0) && !file_flush(file, error))
            return false;
        hasher_finish(file->writer->hasher, &file->hash);
        writer_release(file);
    }
    *hash = file->hash;
    *size = file->size;
    return true;
}

bool store_descriptor(int *fd, struct store_file *file, struct error *error)
{
    if (lseek(file->fd, 0, SEEK_SET) != 0)
        return error_set_errno(error, errno, "cannot read back a file in %s",
                               file->store->temporary);
    *fd = file->fd;
    return true;
}

bool store_park(struct store_file *file, struct error *error)
{
    int fd = file->fd;

    file->fd = -1;
    /* Delayed write errors (quota, network file systems) show up at close. */
    if (fd >= 0 && close(fd) != 0)
        return error_set_errno(error, errno, "cannot write a file in %s",
                               file->store->temporary);
    return true;
}

static bool file_commit(struct store_file *file, const struct object *object,
                        struct error *error)
{
    struct store *store = file->store;
    char name[OBJECT_NAME_SIZE];
    const char *file_name;
    int folder;

    if (file->writer != NULL || !hash_equals(&file->hash, &object->hash))
        return error_set(error, ERROR_BAD_HASH,
                         "refusing to store %s: its bytes hash to "
                         "something else",
                         object_name(name, object));
    if (!store_place(&folder, &file_name, name, store, object, error) ||
        !store_park(file, error))
        return false;
    if (renameat(store->temporary_fd, file->name, folder, file_name) != 0)
        return error_set_errno(error, errno, "cannot name object %s in %s", name,
                               store->root);
    file->is_named = false;
    return true;
}

bool store_commit(struct store_file *file, const struct object *object,
                  struct error *error)
{
    bool ok = file_commit(file, object, error);

    store_abort(file);
    return ok;
}

bool store_commit_new(struct store_file *file, const struct object *object, int64_t size,
                      struct error *error)
{
    struct store_status status;
    bool found;

    if (!store_stat(file->store, object, &status, &found, error)) {
        store_abort(file);
        return false;
    }
    if (!found || status.size != size)
        return store_commit(file, object, error);
    store_abort(file);
    return true;
}

void store_abort(struct store_file *file)
{
    apr_pool_cleanup_run(file->pool, file, file_release);
}

static bool file_commit_as(struct store_file *file, const char *name, struct error *error)
{
    struct store *store = file->store;

    if (store->syncs && fsync(file->fd) != 0)
        return error_set_errno(error, errno, "cannot sync %s in %s", name, store->root);
    if (!store_park(file, error))
        return false;
    if (renameat(store->temporary_fd, file->name, store->root_fd, name) != 0)
        return error_set_errno(error, errno, "cannot replace %s in %s", name,
                               store->root);
    file->is_named = false;
    if (store->syncs && fsync(store->root_fd) != 0)
        return error_set_errno(error, errno, "cannot sync %s", store->root);
    return true;
}

bool store_commit_as(struct store_file *file, const char *name, struct error *error)
{
    bool ok = file_commit_as(file, name, error);

    store_abort(file);
    return ok;
}
