/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the publisher: opening, and objects that are databases or small texts. */
#include "libreplica/publish/publication.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "libreplica/base/clock.h"
#include "libreplica/format/compress.h"
#include "libreplica/store/file.h"

#define BUFFER_SIZE (64 * 1024)

bool publication_open(struct publication **publication,
                      const struct publish_target *target, apr_time_t now,
                      const volatile int *stop, apr_pool_t *pool, struct error *error)
{
    struct publication *opened = apr_pcalloc(pool, sizeof(*opened));

    opened->target = target;
    opened->stop = stop;
    opened->now_seconds = apr_time_sec(now);
    opened->began = clock_now();
    opened->pool = pool;
    if (!hash_check_available(error) ||
        !keyring_read(&opened->keyring, target->keys, target->fqrn, pool, error) ||
        !store_open(&opened->store, target->storage, target->temporary, pool, error))
        return false;
    if (target->skips_barriers)
        store_disable_barriers(opened->store);
    opened->compressor = compressor_create(target->compressor, pool);
    *publication = opened;
    return true;
}

int64_t publication_present_seconds(const struct publication *publication)
{
    return publication->now_seconds + apr_time_sec(clock_now() - publication->began);
}

bool publication_continues(const struct publication *publication, struct error *error)
{
    if (publication->stop != NULL && *publication->stop)
        return error_set(error, ERROR_CANCELLED, "stopped");
    return true;
}

static bool write_to_store(void *file, const void *bytes, size_t length,
                           struct error *error)
{
    return store_write(file, bytes, length, error);
}

static bool begin(struct store_file **file, struct publication *publication,
                  apr_pool_t *pool, struct error *error)
{
    if (!store_begin(file, publication->store, publication->target->algorithm, pool,
                     error))
        return false;
    compressor_start(publication->compressor, COMPRESSION_ZLIB, write_to_store, *file);
    return true;
}

static bool finish(struct object *object, struct store_file *file,
                   struct publication *publication, struct error *error)
{
    int64_t stored;

    return compressor_finish(publication->compressor, error) &&
           store_finish(file, &object->hash, &stored, error) &&
           store_commit_new(file, object, stored, error);
}

bool publication_store_text(struct object *object, struct publication *publication,
                            struct text content, apr_pool_t *pool, struct error *error)
{
    struct store_file *file;

    return begin(&file, publication, pool, error) &&
           compressor_write(publication->compressor, content.bytes, content.length,
                            error) &&
           finish(object, file, publication, error);
}

static bool compress_all(int64_t *size, struct publication *publication, int fd,
                         const char *path, struct error *error)
{
    unsigned char buffer[BUFFER_SIZE];
    ssize_t count;

    *size = 0;
    while ((count = read(fd, buffer, sizeof(buffer))) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot read %s", path);
        if (!compressor_write(publication->compressor, buffer, (size_t)count, error))
            return false;
        *size += count;
    }
    return true;
}

bool publication_store_file(struct object *object, int64_t *size,
                            struct publication *publication, const char *path,
                            apr_pool_t *pool, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct store_file *file;
    bool ok;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    ok = begin(&file, publication, pool, error) &&
         compress_all(size, publication, fd, path, error) &&
         finish(object, file, publication, error);
    close(fd);
    return ok;
}

bool publication_inflate(const char **path, struct publication *publication,
                         const struct object *object, apr_pool_t *pool,
                         struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    int64_t size;
    int fd;
    bool ok;

    if (!store_scratch_path(path, publication->store, pool, error) ||
        !store_open_object(&fd, publication->store, object, error))
        return false;
    ok = file_inflate(&size, *path, fd, PUBLICATION_DATABASE_MAX, error);
    close(fd);
    return ok || error_prefix(error, "object %s", object_name(name, object));
}
