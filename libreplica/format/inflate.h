/* SPDX-License-Identifier: Apache-2.0 */
/* Inflating zlib streams under a limit: objects from an origin are hostile until
 * verified. */
#ifndef REPLICA_FORMAT_INFLATE_H
#define REPLICA_FORMAT_INFLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Inflate a whole object in memory.
 *   limit   most bytes that may come out; more is ERROR_TOO_LARGE
 * False: ERROR_BAD_FORMAT if it is no zlib stream, is cut, or has bytes after its end. */
bool inflate_text(struct text *out, struct text in, int64_t limit, apr_pool_t *pool,
                  struct error *error);

/* Inflate from descriptor IN (from its current position to its end) into OUT, streaming.
 * True: *size is the number of bytes written. Further errors: ERROR_IO, ERROR_NO_SPACE.
 */
bool inflate_file(int64_t *size, int in, int out, int64_t limit, struct error *error);

/* The same into SINK, which takes the bytes piece by piece; its errors are passed on. */
typedef bool inflate_sink(void *baton, const unsigned char *bytes, size_t length,
                          struct error *error);
bool inflate_to(inflate_sink *sink, void *baton, int in, int64_t limit,
                struct error *error);

#endif
