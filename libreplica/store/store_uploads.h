/* SPDX-License-Identifier: Apache-2.0 */
/* Files that somebody else fills: made in the temporary folder, handed out as
 * descriptors, and named as objects by us alone. Other writers leave them alone. */
#ifndef REPLICA_STORE_STORE_UPLOADS_H
#define REPLICA_STORE_STORE_UPLOADS_H

#include "libreplica/store/store.h"

/* Make an empty one. *name is its name there. The caller closes the descriptor. */
bool store_upload_create(int *fd, const char **name, struct store *store,
                         apr_pool_t *pool, struct error *error);

/* Give it its name as an object; one of this name that is there stays. The bytes are
 * believed to hash to OBJECT's name, unless there is an object of another size: then both
 * have to prove it. Only between opening and closing a dirty marker.
 *   size   of the file, as who filled it says
 * False: ERROR_BAD_HASH (of another size or content), ERROR_IO. The file is gone only if
 * it went well. */
bool store_upload_commit(struct store *store, const char *name,
                         const struct object *object, int64_t size, struct error *error);

/* Remove it; one that is not there is gone already. */
void store_upload_remove(struct store *store, const char *name);

/* A path in the temporary folder for one scratch file, removed with POOL, that the holder
 * of the update lock leaves alone. */
const char *store_upload_scratch(struct store *store, apr_pool_t *pool);

/* Remove all that an earlier process left behind. */
bool store_clean_uploads(struct store *store, struct error *error);

#endif
