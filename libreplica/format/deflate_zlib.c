/* SPDX-License-Identifier: Apache-2.0 */
/* zlib streams made by zlib at its default level: byte for byte the reference's. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "libreplica/format/deflate.h"

#define OUTPUT_SIZE (64 * 1024)
#define PIECE_MAX   (1U << 30) /* zlib counts in unsigned int */

struct zlib_state {
    z_stream stream;
    unsigned char output[OUTPUT_SIZE];
};

static apr_status_t end_stream(void *stream)
{
    deflateEnd(stream);
    return APR_SUCCESS;
}

static void *zlib_create(apr_pool_t *pool)
{
    struct zlib_state *state = apr_pcalloc(pool, sizeof(*state));

    if (deflateInit(&state->stream, Z_DEFAULT_COMPRESSION) != Z_OK) {
        fputs("libreplica: no memory for a compressor\n", stderr);
        abort();
    }
    apr_pool_cleanup_register(pool, &state->stream, end_stream, apr_pool_cleanup_null);
    return state;
}

static void zlib_start(void *baton)
{
    struct zlib_state *state = baton;

    deflateReset(&state->stream);
}

/* Deflate what is in the stream's input and pass on what comes out. */
static bool run(struct zlib_state *state, int flush, const struct deflate_output *output,
                struct error *error)
{
    z_stream *stream = &state->stream;
    size_t length;

    do {
        stream->next_out = state->output;
        stream->avail_out = OUTPUT_SIZE;
        deflate(stream, flush);
        length = OUTPUT_SIZE - stream->avail_out;
        if (length > 0 && !output->sink(output->baton, state->output, length, error))
            return false;
    } while (stream->avail_out == 0);
    return true;
}

static bool zlib_write(void *baton, const void *bytes, size_t length, bool is_last,
                       const struct deflate_output *output, struct error *error)
{
    struct zlib_state *state = baton;
    const unsigned char *next = bytes;

    while (length > 0) {
        uInt piece = length > PIECE_MAX ? PIECE_MAX : (uInt)length;

        state->stream.next_in = (Bytef *)next;
        state->stream.avail_in = piece;
        if (!run(state, Z_NO_FLUSH, output, error))
            return false;
        next += piece;
        length -= piece;
    }
    state->stream.avail_in = 0;
    return !is_last || run(state, Z_FINISH, output, error);
}

const struct deflate_maker deflate_zlib = {zlib_create, zlib_start, zlib_write};
