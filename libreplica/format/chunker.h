/* SPDX-License-Identifier: Apache-2.0 */
/* Where large files are cut into chunks: content-defined marks by a rolling value. */
#ifndef REPLICA_FORMAT_CHUNKER_H
#define REPLICA_FORMAT_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "libreplica/base/error.h"

/* The smallest chunk that may be asked for: as many bytes as the rolling value covers. */
#define CHUNKER_WINDOW 32

/* A value; start it, then feed. */
struct chunker {
    int64_t minimum;
    int64_t maximum;
    uint32_t lowest; /* rolling values from here on, WIDTH of them, make a mark */
    uint32_t width;
    uint32_t rolling;
    int64_t position; /* bytes in the current chunk */
};

/* Sizes in bytes; CHUNKER_WINDOW <= minimum < average < maximum, else ERROR_SETTING. */
bool chunker_start(struct chunker *chunker, int64_t minimum, int64_t average,
                   int64_t maximum, struct error *error);

/* Feed LENGTH bytes of a file, in pieces of any size. Returns how many of them still
 * belong to the current chunk; *ended says whether the chunk is complete with these (it
 * may be none). If it is, feed the remaining bytes in further calls. A chunk is ended
 * only by a byte that follows it, so the end of a file needs no call. Pure.
 * Source: cvmfs-format 7.4. */
size_t chunker_feed(struct chunker *chunker, bool *ended, const unsigned char *bytes,
                    size_t length);

#endif
