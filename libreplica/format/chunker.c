/* SPDX-License-Identifier: Apache-2.0 */
/* Content-defined chunking, compatible with what existing repositories were cut by. */
#include "libreplica/format/chunker.h"

/* The middle of the interval in which a rolling value makes a mark. */
#define CENTRE 0x7FFFFFFFU
/* Its distance from the centre wraps to a negative number, which counts as near. */
#define WRAPPED 0xFFFFFFFFU

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

size_t chunker_feed(struct chunker *chunker, bool *ended, const unsigned char *bytes,
                    size_t length)
{
    uint32_t rolling, lowest = chunker->lowest, width = chunker->width;
    size_t taken = 0, end;

    *ended = false;
    if (chunker->position < chunker->minimum)
        taken = feed_minimum(chunker, bytes, (int64_t)length);
    rolling = chunker->rolling;
    end = taken + (size_t)smaller((int64_t)(length - taken),
                                  chunker->maximum - chunker->position);
    chunker->position -= (int64_t)taken;
    for (; taken < end; taken++) {
        rolling = rolling << 1 ^ bytes[taken];
        if (rolling - lowest < width || rolling == WRAPPED)
            break;
    }
    chunker->rolling = rolling;
    chunker->position += (int64_t)taken;
    if (taken < length) {
        *ended = true;
        chunker->rolling = 0;
        chunker->position = 0;
    }
    return taken;
}
