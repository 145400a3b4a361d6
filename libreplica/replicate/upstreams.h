/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that have a repository's objects: objects are named by what they hold, so
 * any server will do that gives the right bytes. */
#ifndef REPLICA_REPLICATE_UPSTREAMS_H
#define REPLICA_REPLICATE_UPSTREAMS_H

#include <apr_tables.h>
#include "libreplica/net/fetch.h"
#include "libreplica/store/store.h"

struct upstreams;

/* URLS (array of const char *, without slashes at their ends; FETCH_UPSTREAMS_MAX count)
 * are asked in that order.
 *   pool   owns *upstreams and its connections
 * False: ERROR_IO. One thread at a time. */
bool upstreams_create(struct upstreams **upstreams, const apr_array_header_t *urls,
                      const struct fetcher_options *options, apr_pool_t *pool,
                      struct error *error);

/* Of bodies received so far. */
int64_t upstreams_bytes(const struct upstreams *upstreams);

/* Fetch OBJECT from the first server that gives bytes which hash to its name; *file is
 * finished, to be committed, parked or aborted. One that fails again and again is passed
 * over for a while.
 * False: ERROR_NOT_FOUND (all that can be asked say that they do not have it),
 * ERROR_CANCELLED, errors of the store, else that of the first server that had anything
 * else to say. */
bool upstreams_get(struct store_file **file, struct upstreams *upstreams,
                   struct store *store, const struct object *object, int64_t size_limit,
                   apr_pool_t *pool, struct error *error);

/* The same, and give it its name: whatever had that name is replaced. */
bool upstreams_fetch(struct upstreams *upstreams, struct store *store,
                     const struct object *object, int64_t size_limit, apr_pool_t *pool,
                     struct error *error);

#endif
