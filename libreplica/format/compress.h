/* SPDX-License-Identifier: Apache-2.0 */
/* Compressing objects: one zlib stream each, or nothing. */
#ifndef REPLICA_FORMAT_COMPRESS_H
#define REPLICA_FORMAT_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/catalog.h"

/* Takes the compressed bytes, piece by piece. */
typedef bool compressor_sink(void *baton, const void *bytes, size_t length,
                             struct error *error);

/* Holds about 400 KiB; meant to be kept and started again for each object. One thread. */
struct compressor;

/* POOL owns the compressor. Aborts if there is no memory. */
struct compressor *compressor_create(apr_pool_t *pool);

/* Begin an object (forgetting an unfinished one): start, write..., finish. The result is
 * the same however the bytes are cut into writes, and the same as the reference's: zlib
 * at its default level. False: whatever the sink reports. Source: cvmfs-format 1.6. */
void compressor_start(struct compressor *compressor, enum compression compression,
                      compressor_sink *sink, void *baton);
bool compressor_write(struct compressor *compressor, const void *bytes, size_t length,
                      struct error *error);
bool compressor_finish(struct compressor *compressor, struct error *error);

/* "zlib" and "default", "none"; false on any other name. */
bool compression_parse(enum compression *compression, const char *name);
const char *compression_name(enum compression compression);

#endif
