/* SPDX-License-Identifier: Apache-2.0 */
/* The content of an upload while it is received. */
#include "libreplica/store/upload_writer.h"

#include <string.h>
#include <unistd.h>

#include "libreplica/format/chunker.h"
#include "libreplica/store/file.h"
#include "libreplica/store/store_internal.h"

#define BUFFER_SIZE (256 * 1024)

struct upload_writer {
    struct upload_form form;
    upload_next *next;
    void *baton;
    int fd;
    int pieces; /* complete ones */
    int64_t size;
    struct upload_piece piece; /* the present one */
    struct chunker chunker;
    struct compressor *compressor;
    struct hasher *hasher;
    size_t buffered;
    unsigned char buffer[BUFFER_SIZE];
};

static apr_status_t close_descriptor(void *baton)
{
    struct upload_writer *writer = baton;

    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
    return APR_SUCCESS;
}

static bool flush(struct upload_writer *writer, struct error *error)
{
    size_t length = writer->buffered;

    writer->buffered = 0;
    return file_write_all(writer->fd, writer->buffer, length, "an upload", error);
}

/* What comes out of the compressor: small pieces are gathered. */
static bool take_stored(void *baton, const void *bytes, size_t length,
                        struct error *error)
{
    struct upload_writer *writer = baton;

    if (!writer->form.is_raw)
        hasher_update(writer->hasher, bytes, length);
    writer->piece.stored += (int64_t)length;
    if (writer->buffered + length > BUFFER_SIZE && !flush(writer, error))
        return false;
    if (length >= BUFFER_SIZE)
        return file_write_all(writer->fd, bytes, length, "an upload", error);
    memcpy(writer->buffer + writer->buffered, bytes, length);
    writer->buffered += length;
    return true;
}

static void begin_piece(struct upload_writer *writer)
{
    writer->piece = (struct upload_piece){0};
    if (!writer->form.is_raw)
        hasher_start(writer->hasher, writer->form.algorithm);
    compressor_start(writer->compressor, writer->form.compression, take_stored, writer);
}

bool upload_writer_create(struct upload_writer **writer, const struct upload_form *form,
                          int fd, upload_next *next, void *baton, apr_pool_t *pool,
                          struct error *error)
{
    struct upload_writer *made = apr_palloc(pool, sizeof(*made));

    made->fd = fd;
    apr_pool_cleanup_register(pool, made, close_descriptor, apr_pool_cleanup_null);
    made->form = *form;
    made->next = next;
    made->baton = baton;
    made->pieces = 0;
    made->size = 0;
    made->buffered = 0;
    made->compressor = compressor_create(form->compressor, pool);
    made->hasher = hasher_create(pool);
    if (form->cuts_files &&
        !chunker_start(&made->chunker, form->minimum_chunk, form->average_chunk,
                       form->maximum_chunk, error))
        return false;
    begin_piece(made);
    *writer = made;
    return true;
}

static bool end_piece(struct upload_writer *writer, struct error *error)
{
    if (!compressor_finish(writer->compressor, error) || !flush(writer, error))
        return false;
    if (!writer->form.is_raw)
        hasher_finish(writer->hasher, &writer->piece.hash);
    close_descriptor(writer);
    return true;
}

static bool next_piece(struct upload_writer *writer, struct error *error)
{
    if (!end_piece(writer, error) ||
        !writer->next(writer->baton, &writer->fd, &writer->piece, error))
        return false;
    writer->pieces++;
    begin_piece(writer);
    return true;
}

bool upload_writer_write(struct upload_writer *writer, const void *bytes, size_t length,
                         struct error *error)
{
    const unsigned char *next = bytes;

    writer->size += (int64_t)length;
    while (length > 0) {
        bool ended = false;
        size_t part = length;

        if (writer->form.cuts_files)
            part = chunker_feed(&writer->chunker, &ended, next, length);
        if (!compressor_write(writer->compressor, next, part, error))
            return false;
        writer->piece.size += (int64_t)part;
        next += part;
        length -= part;
        if (ended && !next_piece(writer, error))
            return false;
    }
    return true;
}

bool upload_writer_finish(struct upload_writer *writer, struct upload_piece *last,
                          struct error *error)
{
    if (!end_piece(writer, error))
        return false;
    writer->piece.is_whole = writer->pieces == 0;
    *last = writer->piece;
    return true;
}

int64_t upload_writer_size(const struct upload_writer *writer)
{
    return writer->size;
}
