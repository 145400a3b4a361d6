/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an MMDB file, checked before the library sees it. */
#include "libreplica/geo/metadata.h"

#include <string.h>
#include "libreplica/geo/record.h"

#define DEPTH_MAX      16
#define VALUES_MAX     10000
#define SEPARATOR_SIZE 16

static const char marker[] = "\xab\xcd\xefMaxMind.com";

/* What follows the last marker. */
static bool find_section(struct record_section *section, const unsigned char *tail,
                         size_t size)
{
    size_t length = strlen(marker);

    for (size_t at = size + 1; at-- > length;)
        if (memcmp(tail + at - length, marker, length) == 0) {
            *section = (struct record_section){tail + at, size - at};
            return true;
        }
    return false;
}

/* The search tree must be inside the file: the library multiplies in 32 bits. */
static bool check_tree(const struct record_section *section, int64_t file_size,
                       struct error *error)
{
    unsigned int node_count, record_size;
    int steps = VALUES_MAX;
    size_t at;

    if (!record_find(&at, section, 0, "node_count", &steps) ||
        !record_read_number(&node_count, section, at, RECORD_UINT32) ||
        !record_find(&at, section, 0, "record_size", &steps) ||
        !record_read_number(&record_size, section, at, RECORD_UINT16))
        return error_set(error, ERROR_BAD_FORMAT,
                         "the metadata has no node count or record size");
    if (record_size > 32 ||
        (int64_t)node_count * (record_size / 4) + SEPARATOR_SIZE > file_size)
        return error_set(error, ERROR_BAD_FORMAT,
                         "the search tree does not fit into the file: it is damaged or "
                         "cut off");
    return true;
}

static bool has_languages(const struct record_section *section)
{
    struct record_value value;
    int steps = VALUES_MAX;
    size_t at;

    if (!record_find(&at, section, 0, "languages", &steps) ||
        !record_read(&value, section, at) || value.type != RECORD_ARRAY)
        return false;
    at = value.next;
    for (size_t i = value.size; i > 0; i--) {
        if (!record_read(&value, section, at))
            return false;
        at = value.next;
        if (value.type == RECORD_POINTER && !record_read(&value, section, value.target))
            return false;
        if (value.type != RECORD_STRING)
            return false;
    }
    return true;
}

bool metadata_check(const unsigned char *tail, size_t size, int64_t file_size,
                    struct error *error)
{
    struct record_section section;
    int steps = VALUES_MAX;
    size_t at = 0;

    if (!find_section(&section, tail, size))
        return error_set(error, ERROR_BAD_FORMAT,
                         "is no MaxMind DB file, or its end is missing");
    if (!record_is_modest(&section, &at, DEPTH_MAX, &steps))
        return error_set(error, ERROR_BAD_FORMAT, "the metadata is damaged");
    if (!has_languages(&section))
        return error_set(error, ERROR_BAD_FORMAT,
                         "the metadata has no list of languages");
    return check_tree(&section, file_size, error);
}
