/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the directory to be published. */
#ifndef REPLICA_PUBLISH_WALK_H
#define REPLICA_PUBLISH_WALK_H

#include "libreplica/publish/publication.h"
#include "libreplica/publish/rows.h"

/* Append a row for everything below DIRECTORY, each directory before what is in it, and
 * hand the contents of regular files to the workers. Entries are taken in order of name,
 * so that equal trees make equal catalogs. Directories that were made automatic catalogs,
 * as PREDECESSORS know, get their markers again: they are only in the repository. */
bool walk_directory(struct publication *publication, struct rows *rows,
                    struct workers *workers, const struct predecessors *predecessors,
                    const char *directory, apr_pool_t *pool, struct error *error);

#endif
