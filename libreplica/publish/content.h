/* SPDX-License-Identifier: Apache-2.0 */
/* The content of one file: read, cut, compressed, hashed and stored. */
#ifndef REPLICA_PUBLISH_CONTENT_H
#define REPLICA_PUBLISH_CONTENT_H

#include "libreplica/publish/publish.h"
#include "libreplica/store/store.h"

struct content_chunk {
    int64_t offset;
    int64_t size;
    struct hash hash;
};

/* On the heap, not in a pool: made by one thread, filled by another. */
struct content {
    char *path; /* in the repository, for messages */
    int fd;     /* closed once it is read; -1 after that */
    int64_t announced_size;

    /* What came of it. */
    int64_t size;                 /* bytes that were read, whatever was announced */
    struct hash hash;             /* of the whole object; null if there are only chunks */
    struct content_chunk *chunks; /* none, or at least two */
    int chunk_count;
    int chunk_capacity;

    /* Whoever shares it: the rows of a group of hard links. */
    int references;
    int members;
    int64_t group; /* number in its catalog, once a row is written */

    /* The workers' own. */
    bool is_done;
    bool has_failed;
    struct error error;
    struct content *next;
};

/* FD becomes the content's. */
struct content *content_create(const char *path, int fd, int64_t announced_size,
                               int members);
/* One more reference; the first is the creator's. References are counted by one thread.
 */
struct content *content_retain(struct content *content);
/* Give up one reference; the last one frees it. */
void content_release(struct content *content);

/* What a thread needs to make contents; about 1 MiB. */
struct content_maker;

/* STORE is this thread's own handle. */
struct content_maker *content_maker_create(const struct publish_target *target,
                                           struct store *store, const volatile int *stop,
                                           apr_pool_t *pool);

/* Read the content to its end and store its objects. POOL may be cleared afterwards. */
bool content_make(struct content_maker *maker, struct content *content, apr_pool_t *pool,
                  struct error *error);

#endif
