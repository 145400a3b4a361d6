/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with * and ?, for names in rules. */
#ifndef REPLICA_FORMAT_GLOB_H
#define REPLICA_FORMAT_GLOB_H

#include <stdbool.h>
#include <stdint.h>
#include "libreplica/base/text.h"

/* Whether PATTERN matches all of TEXT: * is any bytes, ? is one, all else is itself. Time
 * grows at most with the product of both lengths. Pure. */
bool glob_matches(struct text pattern, struct text text);

/* A pattern that somebody else took apart, because his language can escape: bytes that
 * stand for themselves, and two symbols that are no bytes. */
struct glob {
    const uint16_t *symbols;
    size_t length;
};

enum { GLOB_ANY_BYTE = 256, GLOB_ANY_BYTES = 257 };

/* The symbol that BYTE is if nothing escapes it. */
uint16_t glob_symbol(char byte);

/* Whether GLOB matches TEXT or, if IT_MAY_END_EARLY, what is before one of its slashes
 * other than the first. Pure. */
bool glob_symbols_match(struct glob glob, struct text text, bool it_may_end_early);

/* Whether there is a * or ? in it. */
bool glob_is_pattern(struct text pattern);

#endif
