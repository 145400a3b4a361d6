/* SPDX-License-Identifier: Apache-2.0 */
/* Objects that are read as a whole: certificate and metainfo, at most 1 MiB. */
#ifndef REPLICA_REPLICATE_SMALL_OBJECT_H
#define REPLICA_REPLICATE_SMALL_OBJECT_H

#include "libreplica/net/fetch.h"
#include "libreplica/store/store.h"

#define SMALL_OBJECT_MAX (1024 * 1024)

struct small_object_source {
    struct fetcher *fetcher;  /* NULL: only the store is asked */
    const char *origin_url;   /* NULL: the fetcher's upstreams */
    struct store *store;      /* NULL: there is none yet */
    bool at_alternative_path; /* fetch .cvmfsalt-<object> instead of data/... */
};

/* The object's bytes as stored: from the store if it is there and intact, else from the
 * origin, hash-checked. Nothing is written. */
bool small_object_get(struct text *bytes, const struct small_object_source *source,
                      const struct object *object, apr_pool_t *pool, struct error *error);

/* Store bytes from small_object_get, unless the store has the object. */
bool small_object_put(struct store *store, const struct object *object, struct text bytes,
                      apr_pool_t *pool, struct error *error);

#endif
