/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the queue of commits share; nobody else includes this. */
#ifndef REPLICA_SNAPSHOTD_COMMIT_INTERNAL_H
#define REPLICA_SNAPSHOTD_COMMIT_INTERNAL_H

#include "libreplica/operate/expired.h"
#include "snapshotd/upload.h"

/* What waits for one repository. */
struct commit_queue {
    struct commit_queue *next_ready, *next_locked;
    struct door *door;
    const char *name;
    /* With the door's mutex: */
    struct door_job *first, **last;
    bool is_busy; /* somebody works it off, will, or waits for the lock */
    /* Of whoever does: */
    bool owes_archive; /* files went before one: it is its turn */
    struct lock *lock; /* NULL: it is not held */
    apr_pool_t *lock_pool;
    const char *lock_path; /* that is waited for */
    apr_pool_t *path_pool;
};

/* What goes into one revision. */
struct batch {
    struct door *door;
    struct commit_queue *queue;
    const char *name; /* of the repository */
    struct door_job *jobs;
    struct repository *repository;
    struct publish_target target;
    struct store *store;
    struct changes *changes;
    apr_array_header_t *directories; /* const char *: made for uploads */
    struct expiry *expiry;
    struct expired *expired; /* NULL: nobody wants it removed */
    apr_time_t now;
    apr_pool_t *pool;
};

/* commit_queue.c: take all that waits; put back what is to go before it. */
struct door_job *commit_queue_take(struct commit_queue *queue);
void commit_queue_put_back(struct commit_queue *queue, struct door_job *jobs);
/* The repository's lock, if it can be had now; it may be held already. *is_taken: by
 * somebody else, and may be waited for. */
bool commit_queue_lock(struct commit_queue *queue, bool *is_taken, const char *path,
                       struct error *error);
void commit_queue_unlock(struct commit_queue *queue);

/* commit.c: publish what waits. False: the lock, at *PATH, is somebody else's, and all
 * of it still waits. */
bool commit_batch(struct commit_queue *queue, const char **path, apr_pool_t *pool);
/* Those whose callers went away, or would not hear it any more, are ended; the others.
 * A time that was set already goes into ttl.json all the same. */
struct door_job *commit_drop_late(struct door_job *jobs, const char *name);

/* commit_apply.c: make the changes that the jobs ask for; returns how many went well. One
 * that fails changes nothing, and does not concern the others. */
int commit_apply(struct batch *batch);

/* commit_unpack.c: make what an archive holds, at a path where nothing is. False: the
 * changes are not to be committed. */
bool commit_unpack(struct batch *batch, const struct upload *upload, struct error *error);

/* Make the objects of a file that has come as it is. */
bool commit_make_content(struct batch *batch, struct upload *upload, struct error *error);

/* commit_expiry.c: write when files expire, before the commit: a crash then leaves a
 * record too many, never one too few. */
bool commit_record_expiry(struct batch *batch, struct error *error);
/* Afterwards forget what was replaced or removed. */
void commit_tidy_expiry(struct batch *batch);

#endif
