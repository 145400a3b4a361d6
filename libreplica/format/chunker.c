/* SPDX-License-Identifier: Apache-2.0 */
/* Content-defined chunking, compatible with what existing repositories were cut by. */
#include "libreplica/format/chunker.h"

/* The middle of the interval in which a rolling value makes a mark. */
#define CENTRE 0x7FFFFFFFU
/* Its distance from the centre wraps to a negative number, which counts as near. */
#define WRAPPED 0xFFFFFFFFU

/* So many bytes are looked through at once, for which so many before them are needed. */
#define BLOCK  512
#define BEFORE (2 * CHUNKER_WINDOW)
/* Marks no farther from the centre than this differ from it in the lower halves only. */
#define WIDEST_IN_BLOCKS (2 * 0x10000U - 1)

bool chunker_start(struct chunker *chunker, int64_t minimum, int64_t average,
                   int64_t maximum, struct error *error)
{
    uint32_t threshold;

    if (minimum < CHUNKER_WINDOW || average <= minimum || maximum <= average)
        return error_set(error, ERROR_SETTING,
                         "chunk sizes %lld, %lld, %lld: the minimum must be at least %d "
                         "and each must be larger than the one before",
                         (long long)minimum, (long long)average, (long long)maximum,
                         CHUNKER_WINDOW);
    threshold = (uint32_t)(UINT32_MAX / (uint64_t)average);
    *chunker = (struct chunker){.minimum = minimum, .maximum = maximum};
    if (threshold > 0) {
        chunker->lowest = CENTRE - (threshold - 1);
        chunker->width = 2 * threshold - 1;
    }
    return true;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Bytes before the last window of the minimum cannot influence any mark: pass over them.
 * The window itself is rolled in without looking for marks. */
static size_t feed_minimum(struct chunker *chunker, const unsigned char *bytes,
                           int64_t length)
{
    int64_t start = chunker->minimum - CHUNKER_WINDOW;
    int64_t taken = 0, end = smaller(length, chunker->minimum - chunker->position);

    if (chunker->position < start)
        taken = smaller(length, start - chunker->position);
    while (taken < end)
        chunker->rolling = chunker->rolling << 1 ^ bytes[taken++];
    chunker->position += taken;
    return (size_t)taken;
}

/* Whether none of BLOCK bytes makes a mark; true is certain. A rolling value is the
 * exclusive or of the last 32 bytes, each shifted by its distance; here only the values'
 * upper halves are put together, from those of 2, of 4 and of 8 bytes. The loops have no
 * order, so that compilers make them work on several values at once. */
static bool is_quiet(const unsigned char *block)
{
    const unsigned char *bytes = block - BEFORE;
    uint16_t pairs[BEFORE + BLOCK], fours[BEFORE + BLOCK], eights[BEFORE + BLOCK];
    uint16_t marks = 0;

    for (int i = 16; i < BEFORE + BLOCK; i++)
        pairs[i] = (uint16_t)(bytes[i] ^ bytes[i - 1] << 1);
    for (int i = 24; i < BEFORE + BLOCK; i++)
        fours[i] = (uint16_t)(pairs[i] ^ pairs[i - 2] << 2);
    for (int i = 32; i < BEFORE + BLOCK; i++)
        eights[i] = (uint16_t)(fours[i] ^ fours[i - 4] << 4);
    for (int i = BEFORE; i < BEFORE + BLOCK; i++) {
        uint16_t upper =
            (uint16_t)(eights[i - 8] >> 8 ^ eights[i - 16] ^ eights[i - 24] << 8);

        marks |= upper == CENTRE >> 16 || upper == (CENTRE >> 16) + 1 ||
                 upper == WRAPPED >> 16;
    }
    return marks == 0;
}

/* How many of the bytes from FROM up to END can be passed over, whole blocks. */
static size_t pass_quiet(const struct chunker *chunker, const unsigned char *bytes,
                         size_t from, size_t end)
{
    size_t passed = 0;

    if (from < BEFORE || chunker->width > WIDEST_IN_BLOCKS)
        return 0;
    while (end - from - passed >= BLOCK && is_quiet(bytes + from + passed))
        passed += BLOCK;
    return passed;
}

/* The rolling value of the window that ends before BYTES. */
static uint32_t roll_window(const unsigned char *bytes)
{
    uint32_t rolling = 0;

    for (int i = CHUNKER_WINDOW; i > 0; i--)
        rolling = rolling << 1 ^ bytes[-i];
    return rolling;
}

/* The place of the first byte between FROM and END that makes a mark, or END. */
static size_t find_mark(struct chunker *chunker, const unsigned char *bytes, size_t from,
                        size_t end)
{
    uint32_t rolling = chunker->rolling, lowest = chunker->lowest, width = chunker->width;
    size_t next = from;

    while (next < end) {
        size_t passed = pass_quiet(chunker, bytes, next, end), stop;

        next += passed;
        if (passed > 0)
            rolling = roll_window(bytes + next);
        stop = end - next > BLOCK ? next + BLOCK : end;
        for (; next < stop; next++) {
            rolling = rolling << 1 ^ bytes[next];
            if (rolling - lowest < width || rolling == WRAPPED)
                return next;
        }
    }
    chunker->rolling = rolling;
    return end;
}

size_t chunker_feed(struct chunker *chunker, bool *ended, const unsigned char *bytes,
                    size_t length)
{
    size_t taken = 0, end, mark;

    if (chunker->position < chunker->minimum)
        taken = feed_minimum(chunker, bytes, (int64_t)length);
    end = taken + (size_t)smaller((int64_t)(length - taken),
                                  chunker->maximum - chunker->position);
    mark = find_mark(chunker, bytes, taken, end);
    chunker->position += (int64_t)(mark - taken);
    *ended = mark < length;
    if (*ended) {
        chunker->rolling = 0;
        chunker->position = 0;
    }
    return mark;
}
