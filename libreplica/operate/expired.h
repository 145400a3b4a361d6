/* SPDX-License-Identifier: Apache-2.0 */
/* Removing from a Stratum 0 what has expired. */
#ifndef REPLICA_OPERATE_EXPIRED_H
#define REPLICA_OPERATE_EXPIRED_H

#include "libreplica/publish/changes.h"
#include "libreplica/store/expiry.h"
#include "libreplica/store/repository.h"

struct expired;

/* What is due at NOW and still is, in the present revision, what the record was written
 * for. From now on nobody can put it off. The caller holds the update lock until
 * expired_forget or expired_release. */
bool expired_find(struct expired **expired, const struct repository *repository,
                  struct store *store, apr_time_t now, apr_pool_t *pool,
                  struct error *error);
/* How many files and trees that is; 0: there is nothing to publish. */
int expired_count(const struct expired *expired);
/* Remove them, before anything else is changed, and the directories that uploads made for
 * them and that are empty now. False: the changes are not to be committed. */
bool expired_remove(struct expired *expired, struct changes *changes,
                    struct error *error);
/* When the revision is published, or nothing was: forget them, and records of what is no
 * longer there. */
bool expired_forget(struct expired *expired, struct error *error);

/* When nothing was published: it may be put off again. */
bool expired_release(struct expired *expired, struct error *error);

/* When the next record is due, 0: there is none. Needs no lock. */
bool expired_next(apr_time_t *when, const struct repository *repository, apr_pool_t *pool,
                  struct error *error);

#endif
