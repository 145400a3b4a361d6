/* SPDX-License-Identifier: Apache-2.0 */
/* From a file's bytes to objects, streaming. */
#include "libreplica/publish/content.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libreplica/format/chunker.h"
#include "libreplica/format/compress.h"

#define BUFFER_SIZE (256 * 1024)

/* An object on its way into the store. */
struct stream {
    struct compressor *compressor;
    struct store_file *file;
};

struct content_maker {
    const struct publish_target *target;
    struct store *store;
    const volatile int *stop;
    struct stream whole;
    struct stream chunk;
    struct chunker chunker;
    int64_t chunk_start;
    unsigned char buffer[BUFFER_SIZE];
};

static void *must_allocate(void *memory)
{
    if (memory == NULL) {
        fputs("libreplica: no memory for a file's content\n", stderr);
        abort();
    }
    return memory;
}

struct content *content_create(const char *path, int fd, int64_t announced_size,
                               int members)
{
    struct content *content = must_allocate(calloc(1, sizeof(*content)));

    content->path = must_allocate(strdup(path));
    content->fd = fd;
    content->announced_size = announced_size;
    content->members = members;
    content->references = 1;
    return content;
}

struct content *content_retain(struct content *content)
{
    content->references++;
    return content;
}

void content_release(struct content *content)
{
    if (--content->references > 0)
        return;
    if (content->fd >= 0)
        close(content->fd);
    free(content->path);
    free(content->chunks);
    free(content);
}

struct content_maker *content_maker_create(const struct publish_target *target,
                                           struct store *store, const volatile int *stop,
                                           apr_pool_t *pool)
{
    struct content_maker *maker = apr_pcalloc(pool, sizeof(*maker));

    maker->target = target;
    maker->store = store;
    maker->stop = stop;
    maker->whole.compressor = compressor_create(target->compressor, pool);
    maker->chunk.compressor = compressor_create(target->compressor, pool);
    return maker;
}

static bool write_to_store(void *file, const void *bytes, size_t length,
                           struct error *error)
{
    return store_write(file, bytes, length, error);
}

static bool stream_begin(struct stream *stream, struct content_maker *maker,
                         apr_pool_t *pool, struct error *error)
{
    if (!store_begin(&stream->file, maker->store, maker->target->algorithm, pool, error))
        return false;
    compressor_start(stream->compressor, maker->target->compression, write_to_store,
                     stream->file);
    return true;
}

static bool stream_write(struct stream *stream, const void *bytes, size_t length,
                         struct error *error)
{
    return stream->file == NULL ||
           compressor_write(stream->compressor, bytes, length, error);
}

static bool stream_end(struct stream *stream, struct hash *hash, enum object_type type,
                       struct error *error)
{
    struct object object = {.type = type};
    int64_t stored;

    if (!compressor_finish(stream->compressor, error) ||
        !store_finish(stream->file, &object.hash, &stored, error))
        return false;
    *hash = object.hash;
    if (!store_commit_new(stream->file, &object, stored, error))
        return false;
    stream->file = NULL;
    return true;
}

static struct content_chunk *add_chunk(struct content *content)
{
    if (content->chunk_count == content->chunk_capacity) {
        content->chunk_capacity = 2 * content->chunk_capacity + 8;
        content->chunks = must_allocate(realloc(
            content->chunks, (size_t)content->chunk_capacity * sizeof(*content->chunks)));
    }
    return &content->chunks[content->chunk_count++];
}

/* The chunk that is being written reaches to OFFSET. */
static bool end_chunk(struct content_maker *maker, struct content *content,
                      int64_t offset, struct error *error)
{
    struct content_chunk *chunk = add_chunk(content);

    chunk->offset = maker->chunk_start;
    chunk->size = offset - maker->chunk_start;
    maker->chunk_start = offset;
    return stream_end(&maker->chunk, &chunk->hash, OBJECT_CHUNK, error);
}

static bool feed_chunks(struct content_maker *maker, struct content *content,
                        size_t length, apr_pool_t *pool, struct error *error)
{
    const unsigned char *next = maker->buffer;
    int64_t offset = content->size;
    bool ended;

    while (length > 0) {
        size_t part = chunker_feed(&maker->chunker, &ended, next, length);

        if (!stream_write(&maker->chunk, next, part, error))
            return false;
        next += part;
        length -= part;
        offset += (int64_t)part;
        if (ended && (!end_chunk(maker, content, offset, error) ||
                      !stream_begin(&maker->chunk, maker, pool, error)))
            return false;
    }
    return true;
}

static bool begin(struct content_maker *maker, const struct content *content,
                  apr_pool_t *pool, struct error *error)
{
    const struct publish_target *target = maker->target;
    bool cuts = target->chunks_files && content->announced_size > target->minimum_chunk;

    maker->whole.file = maker->chunk.file = NULL;
    maker->chunk_start = 0;
    if (cuts && (!chunker_start(&maker->chunker, target->minimum_chunk,
                                target->average_chunk, target->maximum_chunk, error) ||
                 !stream_begin(&maker->chunk, maker, pool, error)))
        return false;
    return (cuts && !target->keeps_whole_files) ||
           stream_begin(&maker->whole, maker, pool, error);
}

/* A file that turned out to be a single chunk is stored as a whole. */
static bool finish(struct content_maker *maker, struct content *content,
                   struct error *error)
{
    if (maker->whole.file != NULL &&
        !stream_end(&maker->whole, &content->hash, OBJECT_FILE, error))
        return false;
    if (maker->chunk.file == NULL)
        return true;
    if (content->chunk_count > 0)
        return end_chunk(maker, content, content->size, error);
    if (!hash_is_null(&content->hash)) {
        store_abort(maker->chunk.file);
        return true;
    }
    return stream_end(&maker->chunk, &content->hash, OBJECT_FILE, error);
}

static bool read_through(struct content_maker *maker, struct content *content,
                         apr_pool_t *pool, struct error *error)
{
    ssize_t count;

    while ((count = read(content->fd, maker->buffer, BUFFER_SIZE)) != 0) {
        if (maker->stop != NULL && *maker->stop)
            return error_set(error, ERROR_CANCELLED, "stopped");
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot read it");
        if (!stream_write(&maker->whole, maker->buffer, (size_t)count, error))
            return false;
        if (maker->chunk.file != NULL &&
            !feed_chunks(maker, content, (size_t)count, pool, error))
            return false;
        content->size += count;
        /* A regular file that gave less than was asked for has ended. */
        if (count < BUFFER_SIZE && content->size == content->announced_size)
            return true;
    }
    return true;
}

bool content_make(struct content_maker *maker, struct content *content, apr_pool_t *pool,
                  struct error *error)
{
    bool ok = begin(maker, content, pool, error) &&
              read_through(maker, content, pool, error) && finish(maker, content, error);

    close(content->fd);
    content->fd = -1;
    return ok || error_prefix(error, "%s", content->path);
}
