/* SPDX-License-Identifier: Apache-2.0 */
/* Values in an MMDB file, read with bounds on every step. The library's own reader is
 * not used for them: versions before 1.13 recurse without a limit over nested values and
 * expand pointers that point to themselves. Source: MaxMind DB File Format 2.0. */
#ifndef REPLICA_GEO_RECORD_H
#define REPLICA_GEO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include "libreplica/geo/order.h"

enum record_type {
    RECORD_POINTER = 1,
    RECORD_STRING = 2,
    RECORD_DOUBLE = 3,
    RECORD_UINT16 = 5,
    RECORD_UINT32 = 6,
    RECORD_MAP = 7,
    RECORD_INT32 = 8,
    RECORD_UINT64 = 9,
    RECORD_UINT128 = 10,
    RECORD_ARRAY = 11,
    RECORD_BOOLEAN = 14,
    RECORD_FLOAT = 15
};

/* The bytes that offsets and pointers count in. */
struct record_section {
    const unsigned char *bytes;
    size_t size;
};

struct record_value {
    int type;    /* enum record_type, or one that is just skipped */
    size_t size; /* bytes of content, elements of an array, pairs of a map */
    size_t content;
    size_t target; /* of a pointer */
    size_t next;   /* what follows; in a map or an array its first element */
};

/* One value, pointers not followed. False: it is not whole. Pure. */
bool record_read(struct record_value *value, const struct record_section *section,
                 size_t offset);

/* Where the value of KEY is in the map at OFFSET; one pointer is followed. *steps is
 * lowered by the values passed, and below 0 the search ends. Pure. */
bool record_find(size_t *found, const struct record_section *section, size_t offset,
                 const char *key, int *steps);

/* An unsigned number of the given type. Pure. */
bool record_read_number(unsigned int *number, const struct record_section *section,
                        size_t offset, enum record_type type);

/* The coordinates in the record at OFFSET, nested or flat. Pure. */
bool record_find_point(struct geo_point *point, const struct record_section *section,
                       size_t offset, int *steps);

/* Whether a reader that expands all pointers and recurses gets through the value at
 * *OFFSET, which is set to what follows it. Pure. */
bool record_is_modest(const struct record_section *section, size_t *offset, int depth,
                      int *steps);

#endif
