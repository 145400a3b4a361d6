/* SPDX-License-Identifier: Apache-2.0 */
/* Names under which files may be uploaded, queries, and ranges of bytes. Pure. */
#ifndef REPLICA_FORMAT_UPLOAD_PATH_H
#define REPLICA_FORMAT_UPLOAD_PATH_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

#define UPLOAD_PATH_MAX      4096
#define UPLOAD_COMPONENT_MAX 255
/* Says when files expire; the original service's name for it. */
#define UPLOAD_RESERVED "/ttl.json"

/* PATH is absolute: "/" and components of UTF-8 without control characters, none of them
 * empty, ".", "..", longer than 255 bytes or beginning with ".cvmfs"; nor is it
 * UPLOAD_RESERVED or below that. False: ERROR_USAGE. */
bool upload_path_check(struct text path, struct error *error);
/* The same for who only reads: UPLOAD_RESERVED is a name. */
bool upload_path_check_read(struct text path, struct error *error);

/* The value of NAME in a query, percent-encodings and plus signs undone. False: it is not
 * there; or, with *is_bad, it holds an encoding that is none, or a NUL. */
bool query_find(const char **value, bool *is_bad, struct text query, const char *name,
                apr_pool_t *pool);

/* The words for yes and no that the original service takes, of either case. */
bool query_flag(bool *flag, const char *value);

enum byte_range {
    BYTE_RANGE_NONE,  /* all of it: there is none, several, or not of bytes */
    BYTE_RANGE_SOME,  /* from *first to *last */
    BYTE_RANGE_BEYOND /* cannot be satisfied */
};

/* The value of a header Range (NULL: not sent) for SIZE bytes. */
enum byte_range byte_range_parse(int64_t *first, int64_t *last, const char *range,
                                 int64_t size);

#endif
