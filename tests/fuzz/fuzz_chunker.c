/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the chunker finds the same cuts whatever the pieces it is fed in. */
#include <stdlib.h>
#include "libreplica/format/chunker.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

/* Feed pieces of PIECE bytes; returns a digest of the cuts, and checks the sizes. */
static uint64_t cut(const unsigned char *bytes, size_t length, size_t piece,
                    struct chunker chunker)
{
    size_t position = 0, start = 0;
    uint64_t digest = 0;
    bool ended;

    while (position < length) {
        size_t size = piece < length - position ? piece : length - position;

        position += chunker_feed(&chunker, &ended, bytes + position, size);
        if (!ended)
            continue;
        if (position == length || (int64_t)(position - start) < chunker.minimum ||
            (int64_t)(position - start) > chunker.maximum)
            abort();
        digest = digest * 1000003 + position;
        start = position;
    }
    if ((int64_t)(length - start) > chunker.maximum)
        abort();
    return digest;
}

/* The first four bytes choose the sizes and the pieces. */
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
    struct chunker chunker;
    int64_t minimum, average;

    if (length < 4)
        return 0;
    minimum = CHUNKER_WINDOW + bytes[0];
    average = minimum + 1 + bytes[1];
    if ((bytes[3] & 1) != 0) /* marks are rare, and looked for in many bytes at once */
        average <<= 10;
    if (!chunker_start(&chunker, minimum, average, average + 1 + bytes[2], NULL))
        abort();
    if (cut(bytes + 4, length - 4, length, chunker) !=
        cut(bytes + 4, length - 4, 1 + bytes[3], chunker))
        abort();
    return 0;
}
