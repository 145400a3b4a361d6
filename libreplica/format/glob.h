/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with * and ?, for names in rules. */
#ifndef REPLICA_FORMAT_GLOB_H
#define REPLICA_FORMAT_GLOB_H

#include <stdbool.h>
#include "libreplica/base/text.h"

/* Whether PATTERN matches all of TEXT: * is any bytes, ? is one, all else is itself. Time
 * grows at most with the product of both lengths. Pure. */
bool glob_matches(struct text pattern, struct text text);

/* Whether there is a * or ? in it. */
bool glob_is_pattern(struct text pattern);

#endif
