/* SPDX-License-Identifier: Apache-2.0 */
/* The frame that manifest and whitelist share: a body of lines, "--", the body's hash, a
 * signature. Source: cvmfs-format 2.1, 2.3, 3.1. */
#ifndef REPLICA_FORMAT_SIGNED_TEXT_H
#define REPLICA_FORMAT_SIGNED_TEXT_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"

struct signed_text {
    struct text body;      /* to the LF before "--", inclusive */
    struct text hash_text; /* what the signature covers */
    struct text signature; /* raw, to the end of the file */
};

/* Whether FILE holds the separator line at all. */
bool signed_text_has_separator(struct text file);

/* Cut FILE at its first separator line and check that the body hashes to the hash line.
 * The spans point into FILE. False: ERROR_BAD_FORMAT, ERROR_BAD_HASH. Pure. */
bool signed_text_split(struct signed_text *parts, struct text file, struct error *error);

/* The writing side: the hash line's text for BODY, to be signed, and the whole file from
 * its three parts. POOL owns the result. */
struct text signed_text_hash(struct text body, enum hash_algorithm algorithm,
                             apr_pool_t *pool);
struct text signed_text_join(const struct signed_text *parts, apr_pool_t *pool);

#endif
