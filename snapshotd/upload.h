/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that have begun: the files that were handed out for them. */
#ifndef REPLICA_SNAPSHOTD_UPLOAD_H
#define REPLICA_SNAPSHOTD_UPLOAD_H

#include "libreplica/publish/content.h"
#include "libreplica/store/upload_writer.h"
#include "snapshotd/door_internal.h"

/* A file in the temporary folder and, once it is complete, what is in it. */
struct upload_file {
    const char *name;
    struct upload_piece piece;
};

struct upload {
    struct upload *next; /* of its connection */
    int64_t id;
    apr_pool_t *pool; /* its own */
    const char *repository;
    const char *storage;
    const char *temporary;
    const char *path;
    bool overwrites;
    bool unpacks;
    bool is_raw;             /* no object yet */
    struct content *content; /* what was made of that; NULL: nothing */
    int64_t ttl_seconds;     /* 0: for ever */
    int64_t limit;
    enum hash_algorithm algorithm;
    apr_array_header_t *files; /* struct upload_file; the last one is not complete */
};

/* Take one off its connection: a thread at a time works on it. NULL: there is none. */
struct upload *upload_take(struct door_connection *connection, int64_t id);
/* Remove its files and free it. */
void upload_discard(struct upload *upload);
int64_t upload_size(const struct upload *upload);

/* commit_queue.c: wait for the others of the repository that are to be published with it.
 */
void commit_submit(struct door_job *job);
/* Work a queue off. */
void commit_work(struct commit_queue *queue);
/* The thread that waits for locks; to be stopped before those that answer. */
bool commit_waiter_start(struct door *door, struct error *error);
void commit_waiter_stop(struct door *door);

#endif
