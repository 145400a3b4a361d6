/* SPDX-License-Identifier: Apache-2.0 */
/* Inflating zlib streams under a limit. */
#include "libreplica/format/inflate.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>
#include <zlib.h>

#define BLOCK_SIZE (32 * 1024)

/* Takes what comes out; false with *error set stops the stream. */

struct inflation {
    z_stream stream;
    int64_t size;
    int64_t limit;
    bool ended;
    inflate_sink *sink; /* NULL: only count */
    void *baton;
};

static bool inflation_start(struct inflation *inflation, int64_t limit,
                            inflate_sink *sink, void *baton, struct error *error)
{
    *inflation = (struct inflation){.limit = limit, .sink = sink, .baton = baton};
    if (inflateInit(&inflation->stream) != Z_OK)
        return error_set(error, ERROR_IO, "no memory to inflate");
    return true;
}

static bool pour_out(struct inflation *inflation, const unsigned char *bytes,
                     size_t length, struct error *error)
{
    inflation->size += (int64_t)length;
    if (inflation->size > inflation->limit)
        return error_set(error, ERROR_TOO_LARGE,
                         "it inflates to more than the limit of %" PRId64 " bytes",
                         inflation->limit);
    return inflation->sink == NULL || length == 0 ||
           inflation->sink(inflation->baton, bytes, length, error);
}

/* Feed one block of at most BLOCK_SIZE bytes. */
static bool pour_in(struct inflation *inflation, const unsigned char *bytes,
                    size_t length, struct error *error)
{
    unsigned char out[BLOCK_SIZE];
    z_stream *stream = &inflation->stream;
    int status = Z_OK;

    stream->next_in = (unsigned char *)bytes;
    stream->avail_in = (uInt)length;
    do {
        if (inflation->ended)
            return error_set(error, ERROR_BAD_FORMAT,
                             "there are bytes after the end of the zlib stream");
        stream->next_out = out;
        stream->avail_out = sizeof(out);
        status = inflate(stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return error_set(error, ERROR_BAD_FORMAT, "this is no valid zlib stream%s%s",
                             stream->msg != NULL ? ": " : "",
                             stream->msg != NULL ? stream->msg : "");
        if (!pour_out(inflation, out, sizeof(out) - stream->avail_out, error))
            return false;
        inflation->ended = status == Z_STREAM_END;
    } while (stream->avail_in > 0 || (!inflation->ended && stream->avail_out == 0));
    /* Both blocks go now; the stream must not keep pointing at them. */
    stream->next_in = NULL;
    stream->next_out = NULL;
    return true;
}

/* Whether the input that was poured in made a whole stream. */
static bool inflation_check_end(const struct inflation *inflation, struct error *error)
{
    if (!inflation->ended)
        return error_set(error, ERROR_BAD_FORMAT, "the zlib stream is cut");
    return true;
}

static bool inflate_bytes(int64_t *size, struct text in, int64_t limit,
                          inflate_sink *sink, void *baton, struct error *error)
{
    struct inflation inflation;
    bool good = inflation_start(&inflation, limit, sink, baton, error);

    for (size_t at = 0; good && at < in.length; at += BLOCK_SIZE) {
        size_t length = in.length - at < BLOCK_SIZE ? in.length - at : BLOCK_SIZE;

        good = pour_in(&inflation, (const unsigned char *)in.bytes + at, length, error);
    }
    good = good && inflation_check_end(&inflation, error);
    inflateEnd(&inflation.stream);
    *size = inflation.size;
    return good;
}

static bool append(void *baton, const unsigned char *bytes, size_t length,
                   struct error *error)
{
    char **end = baton;

    memcpy(*end, bytes, length);
    *end += length;
    return true;
}

bool inflate_text(struct text *out, struct text in, int64_t limit, apr_pool_t *pool,
                  struct error *error)
{
    int64_t size;
    char *bytes, *end;

    /* Twice, so that nothing is allocated for what turns out to be damaged or too large,
     * and exactly as much as needed otherwise. */
    if (!inflate_bytes(&size, in, limit, NULL, NULL, error))
        return false;
    bytes = end = apr_palloc(pool, (apr_size_t)size + 1);
    if (!inflate_bytes(&size, in, limit, append, &end, error))
        return false;
    *out = (struct text){bytes, (size_t)size};
    return true;
}

static bool write_out(void *baton, const unsigned char *bytes, size_t length,
                      struct error *error)
{
    int out = *(const int *)baton;

    while (length > 0) {
        ssize_t written = write(out, bytes, length);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_set_errno(error, errno, "cannot write what was inflated");
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* Read and feed until IN ends. */
static bool pour_file(struct inflation *inflation, int in, struct error *error)
{
    unsigned char block[BLOCK_SIZE];

    for (;;) {
        ssize_t got = read(in, block, sizeof(block));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(error, errno, "cannot read what is to be inflated");
        if (got == 0)
            return inflation_check_end(inflation, error);
        if (!pour_in(inflation, block, (size_t)got, error))
            return false;
    }
}

bool inflate_file(int64_t *size, int in, int out, int64_t limit, struct error *error)
{
    struct inflation inflation;
    bool good = inflation_start(&inflation, limit, write_out, &out, error) &&
                pour_file(&inflation, in, error);

    inflateEnd(&inflation.stream);
    if (good)
        *size = inflation.size;
    return good;
}

bool inflate_to(inflate_sink *sink, void *baton, int in, int64_t limit,
                struct error *error)
{
    struct inflation inflation;
    bool good = inflation_start(&inflation, limit, sink, baton, error) &&
                pour_file(&inflation, in, error);

    inflateEnd(&inflation.stream);
    return good;
}
