/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 with 128 bits: a hash that nobody can aim at without its key. Source: J.-P.
 * Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012). */
#ifndef REPLICA_BASE_SIPHASH_H
#define REPLICA_BASE_SIPHASH_H

#include <stdbool.h>
#include <stdint.h>
#include "libreplica/base/text.h"

struct siphash_key {
    uint64_t words[2];
};

struct siphash {
    uint64_t words[2];
};

/* Pure. For tables whose keys strangers choose; not for content. */
struct siphash siphash_of(const struct siphash_key *key, struct text text);

bool siphash_equals(const struct siphash *one, const struct siphash *other);

#endif
