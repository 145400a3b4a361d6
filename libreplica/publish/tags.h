/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of a new revision. */
#ifndef REPLICA_PUBLISH_TAGS_H
#define REPLICA_PUBLISH_TAGS_H

#include "libreplica/publish/publication.h"

/* Store a tag database that follows next->history (null: there is none) for the revision
 * in NEXT, with an automatic tag if the target wants it, and set next->history.
 * Source: cvmfs-format 7.6. */
bool tags_move(struct publication *publication, struct manifest *next, apr_pool_t *pool,
               struct error *error);

#endif
