/* SPDX-License-Identifier: Apache-2.0 */
/* What a layer of a container image takes away from the layers below it.
 * Source: OCI image specification, "Whiteouts". */
#ifndef REPLICA_PUBLISH_WHITEOUT_H
#define REPLICA_PUBLISH_WHITEOUT_H

#include "libreplica/publish/changes.h"

/* Whether an entry of a layer says that something is not there, and is nothing itself. */
bool whiteout_is_one(const char *path);

/* `.wh.NAME` removes NAME beside it; `.wh..wh..opq` all that its directory holds; others
 * of
 * `.wh..wh.` nothing. What is not there need not be removed. */
bool whiteout_apply(struct changes *changes, const char *path, apr_pool_t *pool,
                    struct error *error);

#endif
