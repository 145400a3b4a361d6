/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic catalogs: heavy ones are divided, light ones given up. A catalog that is too
 * light once it was divided is given up at once, which the reference does when it is next
 * touched: so the second publication of the same content has nothing left to do.
 * Source: cvmfs-format 7.7. */
#ifndef REPLICA_PUBLISH_BALANCING_H
#define REPLICA_PUBLISH_BALANCING_H

#include "libreplica/format/catalog_editor.h"
#include "libreplica/publish/changes.h"

/* Of the markers that make a directory an automatic catalog. */
#define AUTOMATIC_MARKER_MODE 0600

/* The directories of the catalog at PATH that have to become catalogs, in this order:
 * *paths of const char *, none if it is not too heavy or its target does not balance. */
bool balancing_plan(apr_array_header_t **paths, const struct publish_target *target,
                    struct catalog_editor *editor, const char *path, apr_pool_t *pool,
                    struct error *error);
/* Whether the catalog at PATH was made automatically and has become too light. */
bool balancing_gives_up(bool *gives_up, const struct publish_target *target,
                        struct catalog_editor *editor, const char *path, apr_pool_t *pool,
                        struct error *error);

/* Balance the catalogs that the next revision has anew. */
bool balancing_apply(struct changes *changes, struct error *error);

#endif
