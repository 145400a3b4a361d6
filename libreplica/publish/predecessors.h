/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogs of the present revision, by path: what the next one's follow. */
#ifndef REPLICA_PUBLISH_PREDECESSORS_H
#define REPLICA_PUBLISH_PREDECESSORS_H

#include "libreplica/publish/publication.h"

struct predecessors;

/* Read which catalog is registered where, from the root catalog ROOT down. A catalog that
 * is missing or damaged is logged, and what is below it is unknown: the next revision is
 * the cure. POOL owns *predecessors. */
bool predecessors_read(struct predecessors **predecessors,
                       struct publication *publication, const struct hash *root,
                       int64_t root_size, apr_pool_t *pool, struct error *error);

/* Whether the error means that an object of ours is missing or damaged. */
bool predecessor_is_damaged(const struct error *error);

/* The catalog at PATH ("" is the root) and its size, or NULL. */
const struct catalog_nested *predecessors_find(const struct predecessors *predecessors,
                                               const char *path);

/* Whether there is a catalog at PATH that was made automatically. */
bool predecessors_is_automatic(const struct predecessors *predecessors, const char *path);

/* What the present root catalog says of the repository; nothing, if it is damaged. */
const struct catalog_marks *predecessors_marks(const struct predecessors *predecessors);

#endif
