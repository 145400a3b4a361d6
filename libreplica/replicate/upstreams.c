/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that have a repository's objects, asked for one object at a time. */
#include "libreplica/replicate/upstreams.h"

#include "libreplica/replicate/object_transfer.h"

struct upstreams {
    struct fetcher *fetcher;
    int count;
};

bool upstreams_create(struct upstreams **upstreams, const apr_array_header_t *urls,
                      const struct fetcher_options *options, apr_pool_t *pool,
                      struct error *error)
{
    struct fetch_upstream list[FETCH_UPSTREAMS_MAX] = {0};
    struct upstreams *made = apr_pcalloc(pool, sizeof(*made));
    int count = urls->nelts < FETCH_UPSTREAMS_MAX ? urls->nelts : FETCH_UPSTREAMS_MAX;

    if (!fetcher_create(&made->fetcher, options, pool, error))
        return false;
    for (int i = 0; i < count; i++)
        list[i].url = APR_ARRAY_IDX(urls, i, const char *);
    if (count > 0)
        fetcher_set_upstreams(made->fetcher, list, count);
    made->count = count;
    *upstreams = made;
    return true;
}

int64_t upstreams_bytes(const struct upstreams *upstreams)
{
    return fetcher_counters(upstreams->fetcher).bytes;
}

bool upstreams_get(struct store_file **file, struct upstreams *upstreams,
                   struct store *store, const struct object *object, int64_t size_limit,
                   apr_pool_t *pool, struct error *error)
{
    if (upstreams->count == 0)
        return error_set(error, ERROR_NOT_FOUND, "no upstream is configured");
    return object_receive(file, store, upstreams->fetcher, object, size_limit, pool,
                          error);
}

bool upstreams_fetch(struct upstreams *upstreams, struct store *store,
                     const struct object *object, int64_t size_limit, apr_pool_t *pool,
                     struct error *error)
{
    struct store_file *file;

    return upstreams_get(&file, upstreams, store, object, size_limit, pool, error) &&
           store_commit(file, object, error);
}
