/* SPDX-License-Identifier: Apache-2.0 */
/* Compressing objects: one zlib stream each, or nothing. */
#ifndef REPLICA_FORMAT_COMPRESS_H
#define REPLICA_FORMAT_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/catalog.h"

/* Who makes the zlib stream. An object's name is the hash of its compressed bytes: with
 * another maker the same content gets another name, and is stored once more.
 *   ZLIB   at its default level, as the reference
 *   ISAL   ISA-L at level 2: about ten times as fast, about a tenth larger */
enum compressor_kind { COMPRESSOR_ZLIB, COMPRESSOR_ISAL };

/* "zlib", "isal"; false on any other name. */
bool compressor_kind_parse(enum compressor_kind *kind, const char *name);
const char *compressor_kind_name(enum compressor_kind kind);

/* Whether the maker gives the same bytes on every processor it is allowed to run on:
 * ERROR_UNSUPPORTED where that is not known (docs/decisions/0014). */
bool compressor_kind_check(enum compressor_kind kind, struct error *error);

/* What the installed library makes of a fixed sample, as a number: another one means that
 * contents get other names. The first question takes about
 * 10 ms. Thread-safe. */
uint32_t compressor_fingerprint(enum compressor_kind kind);

/* Takes the compressed bytes, piece by piece. */
typedef bool compressor_sink(void *baton, const void *bytes, size_t length,
                             struct error *error);

/* Holds about 500 KiB; meant to be kept and started again for each object. One thread. */
struct compressor;

/* POOL owns the compressor. Aborts if there is no memory. */
struct compressor *compressor_create(enum compressor_kind kind, apr_pool_t *pool);

/* Begin an object (forgetting an unfinished one): start, write..., finish. The result is
 * the same however the bytes are cut into writes; of COMPRESSOR_ZLIB it is the
 * reference's. False: whatever the sink reports. Source: cvmfs-format 1.6. */
void compressor_start(struct compressor *compressor, enum compression compression,
                      compressor_sink *sink, void *baton);
bool compressor_write(struct compressor *compressor, const void *bytes, size_t length,
                      struct error *error);
bool compressor_finish(struct compressor *compressor, struct error *error);

/* "zlib" and "default", "none"; false on any other name. */
bool compression_parse(enum compression *compression, const char *name);
const char *compression_name(enum compression compression);

#endif
