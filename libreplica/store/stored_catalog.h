/* SPDX-License-Identifier: Apache-2.0 */
/* Reading databases that are objects of the store. */
#ifndef REPLICA_STORE_STORED_CATALOG_H
#define REPLICA_STORE_STORED_CATALOG_H

#include "libreplica/format/catalog.h"
#include "libreplica/store/store.h"

/* Inflate an object, of at most LIMIT bytes then, to a scratch file that goes with POOL.
 * *found false: the store has no such object; *path is unset. ERROR_NOT_FOUND is never
 * returned, so a folder that is missing is not taken for an object that is. */
bool stored_object_inflate(const char **path, bool *found, struct store *store,
                           const struct object *object, int64_t limit, apr_pool_t *pool,
                           struct error *error);

/* The same for a catalog, opened. POOL owns the scratch file and the catalog. False: as
 * inflate_file, catalog_open; ERROR_BAD_FORMAT, ERROR_UNSUPPORTED and ERROR_TOO_LARGE are
 * the catalog's own fault, the message names it. */
bool stored_catalog_open(struct catalog **catalog, bool *found, struct store *store,
                         const struct hash *hash, int64_t limit, apr_pool_t *pool,
                         struct error *error);

#endif
