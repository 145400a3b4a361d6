/* SPDX-License-Identifier: Apache-2.0 */
/* One object on its way from the fetcher's upstreams into the store, hashed while it is
 * written. */
#ifndef REPLICA_REPLICATE_OBJECT_TRANSFER_H
#define REPLICA_REPLICATE_OBJECT_TRANSFER_H

#include "libreplica/net/fetch.h"
#include "libreplica/store/store.h"

struct object_transfer {
    struct object object;
    struct store *store;
    struct store_file
        *file;    /* after success: finished, to be committed, parked or aborted */
    int64_t size; /* bytes as stored */
    /* The end, exactly once; after an error FILE is NULL. */
    void (*done)(struct object_transfer *transfer, const struct error *error);
    void *baton;
};

/* Begin: object, done and baton are set by the caller, who keeps the struct until done.
 */
bool object_transfer_start(struct object_transfer *transfer, struct store *store,
                           struct fetcher *fetcher, int64_t size_limit, apr_pool_t *pool,
                           struct error *error);

/* Fetch one object, waiting for it: *file is finished and verified, without its name. */
bool object_receive(struct store_file **file, struct store *store,
                    struct fetcher *fetcher, const struct object *object,
                    int64_t size_limit, apr_pool_t *pool, struct error *error);

/* Fetch one object and store it, waiting for it; one that is there and intact is left. */
bool object_fetch(struct store *store, struct fetcher *fetcher,
                  const struct object *object, int64_t size_limit, apr_pool_t *pool,
                  struct error *error);

#endif
