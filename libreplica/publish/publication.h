/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the publisher: what its parts share. */
#ifndef REPLICA_PUBLISH_PUBLICATION_H
#define REPLICA_PUBLISH_PUBLICATION_H

#include "libreplica/format/manifest.h"
#include "libreplica/publish/keyring.h"
#include "libreplica/publish/publish.h"
#include "libreplica/store/store.h"

/* Most bytes of a catalog or tag database of our own, inflated. */
#define PUBLICATION_DATABASE_MAX ((int64_t)16 << 30)

struct publication {
    const struct publish_target *target;
    struct store *store;
    struct keyring keyring;
    struct compressor *compressor;
    const volatile int *stop; /* may be NULL */
    int64_t now_seconds;      /* the one time stamp of everything this run publishes */
    apr_time_t began;         /* of clock_now */
    apr_pool_t *pool;
};

/* Open the tree and read the keys. */
bool publication_open(struct publication **publication,
                      const struct publish_target *target, apr_time_t now,
                      const volatile int *stop, apr_pool_t *pool, struct error *error);

/* What time it is, if it was now_seconds when the run began. */
int64_t publication_present_seconds(const struct publication *publication);

/* ERROR_CANCELLED if a stop was asked for. */
bool publication_continues(const struct publication *publication, struct error *error);

/* Store a catalog, tag database, certificate or metainfo: always zlib. *object is filled
 * but for its type, which the caller has set. POOL is scratch. */
bool publication_store_text(struct object *object, struct publication *publication,
                            struct text content, apr_pool_t *pool, struct error *error);
/* The same from the file PATH; *size is its size. */
bool publication_store_file(struct object *object, int64_t *size,
                            struct publication *publication, const char *path,
                            apr_pool_t *pool, struct error *error);

/* Inflate an object of ours into a scratch file, which goes with POOL. */
bool publication_inflate(const char **path, struct publication *publication,
                         const struct object *object, apr_pool_t *pool,
                         struct error *error);

#endif
