/* SPDX-License-Identifier: Apache-2.0 */
/* The compressors of objects, on zlib. */
#include "libreplica/format/compress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define OUTPUT_SIZE (64 * 1024)

struct compressor {
    z_stream stream;
    enum compression compression;
    compressor_sink *sink;
    void *baton;
    unsigned char output[OUTPUT_SIZE];
};

static apr_status_t end_stream(void *stream)
{
    deflateEnd(stream);
    return APR_SUCCESS;
}

struct compressor *compressor_create(apr_pool_t *pool)
{
    struct compressor *compressor = apr_pcalloc(pool, sizeof(*compressor));

    if (deflateInit(&compressor->stream, Z_DEFAULT_COMPRESSION) != Z_OK) {
        fputs("libreplica: no memory for a compressor\n", stderr);
        abort();
    }
    apr_pool_cleanup_register(pool, &compressor->stream, end_stream,
                              apr_pool_cleanup_null);
    return compressor;
}

void compressor_start(struct compressor *compressor, enum compression compression,
                      compressor_sink *sink, void *baton)
{
    compressor->compression = compression;
    compressor->sink = sink;
    compressor->baton = baton;
    deflateReset(&compressor->stream);
}

/* Deflate what is in the stream's input and pass on what comes out. */
static bool run(struct compressor *compressor, int flush, struct error *error)
{
    z_stream *stream = &compressor->stream;
    size_t length;

    do {
        stream->next_out = compressor->output;
        stream->avail_out = OUTPUT_SIZE;
        deflate(stream, flush);
        length = OUTPUT_SIZE - stream->avail_out;
        if (length > 0 &&
            !compressor->sink(compressor->baton, compressor->output, length, error))
            return false;
    } while (stream->avail_out == 0);
    return true;
}

bool compressor_write(struct compressor *compressor, const void *bytes, size_t length,
                      struct error *error)
{
    const unsigned char *next = bytes;

    if (compressor->compression == COMPRESSION_NONE)
        return length == 0 || compressor->sink(compressor->baton, bytes, length, error);
    while (length > 0) {
        uInt piece = length > (1U << 30) ? 1U << 30 : (uInt)length;

        compressor->stream.next_in = (Bytef *)next;
        compressor->stream.avail_in = piece;
        if (!run(compressor, Z_NO_FLUSH, error))
            return false;
        next += piece;
        length -= piece;
    }
    return true;
}

bool compressor_finish(struct compressor *compressor, struct error *error)
{
    if (compressor->compression == COMPRESSION_NONE)
        return true;
    compressor->stream.avail_in = 0;
    return run(compressor, Z_FINISH, error);
}

bool compression_parse(enum compression *compression, const char *name)
{
    if (strcmp(name, "zlib") == 0 || strcmp(name, "default") == 0)
        *compression = COMPRESSION_ZLIB;
    else if (strcmp(name, "none") == 0)
        *compression = COMPRESSION_NONE;
    else
        return false;
    return true;
}

const char *compression_name(enum compression compression)
{
    return compression == COMPRESSION_NONE ? "none" : "zlib";
}
