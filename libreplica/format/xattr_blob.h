/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes as a catalog row holds them. Source: cvmfs-format 4.8. */
#ifndef REPLICA_FORMAT_XATTR_BLOB_H
#define REPLICA_FORMAT_XATTR_BLOB_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Most attributes, most bytes of a name (at least one, no NUL) and of a value. */
#define XATTR_BLOB_MAX 255

struct xattr {
    struct text name;
    struct text value;
};

/* Write the blob of ATTRIBUTES (struct xattr, any order; sorted in place). The empty set
 * gives an empty text, which a catalog stores as NULL. POOL owns the blob's bytes.
 * False: ERROR_TOO_LARGE (a limit above), ERROR_BAD_FORMAT (a name twice, empty or with a
 * NUL). Pure. */
bool xattr_blob_write(struct text *blob, apr_array_header_t *attributes, apr_pool_t *pool,
                      struct error *error);

/* Read a blob (struct xattr, pointing into BLOB). False: ERROR_BAD_FORMAT for a version
 * other than 1, a length that does not fit, an empty name, or bytes left over. Pure. */
bool xattr_blob_read(apr_array_header_t **attributes, struct text blob, apr_pool_t *pool,
                     struct error *error);

#endif
