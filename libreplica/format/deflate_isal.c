/* SPDX-License-Identifier: Apache-2.0 */
/* zlib streams made by ISA-L.
 *
 * What it makes of a content depends on how the input is cut, so it is always cut in the
 * same places here, and on the processor: the portable code and the code for SSE 4.2 and
 * later give different bytes, the latter all the same at this level
 * (tests/integration/test_compressors.py). */
#include <string.h>
#include <isa-l/igzip_lib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "libreplica/format/deflate.h"

#define LEVEL       2
#define PIECE_SIZE  (64 * 1024)
#define OUTPUT_SIZE (64 * 1024)

struct isal_state {
    struct isal_zstream stream;
    unsigned char level_buffer[ISAL_DEF_LVL2_DEFAULT];
    unsigned char piece[PIECE_SIZE];
    size_t piece_length; /* bytes that wait for a whole piece */
    unsigned char output[OUTPUT_SIZE];
};

bool deflate_isal_is_known_here(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("sse4.2");
#else
    return false;
#endif
}

/* ISA-L returns with the upper halves of the vector registers in use. Code that knows
 * only the lower ones, as ours and that of hashes, would run several times slower after
 * it. */
#if defined(__x86_64__)
__attribute__((target("avx"))) static void zero_upper_halves(void)
{
    _mm256_zeroupper();
}

static void tidy_registers(void)
{
    if (__builtin_cpu_supports("avx"))
        zero_upper_halves();
}
#else
static void tidy_registers(void)
{
}
#endif

static void *isal_create(apr_pool_t *pool)
{
    return apr_pcalloc(pool, sizeof(struct isal_state));
}

static void isal_start(void *baton)
{
    struct isal_state *state = baton;

    isal_deflate_init(&state->stream);
    state->stream.gzip_flag = IGZIP_ZLIB;
    state->stream.level = LEVEL;
    state->stream.level_buf = state->level_buffer;
    state->stream.level_buf_size = sizeof(state->level_buffer);
    state->piece_length = 0;
}

static bool deflate_piece(struct isal_state *state, const unsigned char *bytes,
                          size_t length, bool is_last,
                          const struct deflate_output *output, struct error *error)
{
    struct isal_zstream *stream = &state->stream;
    size_t made;

    stream->next_in = (uint8_t *)bytes;
    stream->avail_in = (uint32_t)length;
    stream->end_of_stream = is_last;
    stream->flush = NO_FLUSH;
    do {
        stream->next_out = state->output;
        stream->avail_out = OUTPUT_SIZE;
        isal_deflate(stream);
        tidy_registers();
        made = OUTPUT_SIZE - stream->avail_out;
        if (made > 0 && !output->sink(output->baton, state->output, made, error))
            return false;
    } while (stream->avail_out == 0 || stream->avail_in > 0);
    return true;
}

/* A whole piece is only passed on when more follows: the last one says that it is. */
static bool isal_write(void *baton, const void *bytes, size_t length, bool is_last,
                       const struct deflate_output *output, struct error *error)
{
    struct isal_state *state = baton;
    const unsigned char *next = bytes;

    while (length > 0) {
        size_t free_length = PIECE_SIZE - state->piece_length;
        size_t taken = length < free_length ? length : free_length;

        if (free_length == 0) {
            if (!deflate_piece(state, state->piece, PIECE_SIZE, false, output, error))
                return false;
            state->piece_length = 0;
            continue;
        }
        memcpy(state->piece + state->piece_length, next, taken);
        state->piece_length += taken;
        next += taken;
        length -= taken;
    }
    return !is_last ||
           deflate_piece(state, state->piece, state->piece_length, true, output, error);
}

const struct deflate_maker deflate_isal = {isal_create, isal_start, isal_write};
