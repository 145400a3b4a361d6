/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the queue of commits share; nobody else includes this. */
#ifndef REPLICA_SNAPSHOTD_COMMIT_INTERNAL_H
#define REPLICA_SNAPSHOTD_COMMIT_INTERNAL_H

#include "libreplica/operate/expired.h"
#include "snapshotd/upload.h"

struct commit_queue;

/* What goes into one revision. */
struct batch {
    struct door *door;
    struct commit_queue *queue;
    const char *name; /* of the repository */
    struct door_job *jobs;
    struct repository *repository;
    struct publish_target target;
    struct lock *lock;
    struct store *store;
    struct changes *changes;
    apr_array_header_t *directories; /* const char *: made for uploads */
    struct expiry *expiry;
    struct expired *expired; /* NULL: nobody wants it removed */
    apr_time_t now;
    apr_pool_t *pool;
};

/* commit_apply.c: make the changes that the jobs ask for; returns how many went well. One
 * that fails changes nothing, and does not concern the others. */
int commit_apply(struct batch *batch);

/* commit_unpack.c: make what an archive holds, at a path where nothing is. False: the
 * changes are not to be committed. */
bool commit_unpack(struct batch *batch, const struct upload *upload, struct error *error);

/* commit_expiry.c: write when files expire, before the commit: a crash then leaves a
 * record too many, never one too few. */
bool commit_record_expiry(struct batch *batch, struct error *error);
/* Afterwards forget what was replaced or removed. */
void commit_tidy_expiry(struct batch *batch);

#endif
