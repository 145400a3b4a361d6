/* SPDX-License-Identifier: Apache-2.0 */
/* A revision of a Stratum 0 without what has expired. */
#ifndef REPLICA_OPERATE_CLEAN_EXPIRED_H
#define REPLICA_OPERATE_CLEAN_EXPIRED_H

#include "libreplica/publish/publish.h"

/* Publish one, or several if there is very much of it; where nothing has expired nothing
 * is published. TARGET is the repository's; the caller is its owner and holds the update
 * lock.
 *   *removed   files and trees
 *   *result    of the last revision; unset if nothing was removed
 * False: those of expired_find and of changes. What was published stays published. */
bool clean_expired(int64_t *removed, struct publish_result *result,
                   const struct repository *repository,
                   const struct publish_target *target, apr_time_t now,
                   const volatile int *stop, apr_pool_t *pool, struct error *error);

#endif
