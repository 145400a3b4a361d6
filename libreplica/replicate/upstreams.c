/* SPDX-License-Identifier: Apache-2.0 */
/* The servers that have a repository's objects. */
#include "libreplica/replicate/upstreams.h"

#include <apr_time.h>

#include "libreplica/base/log.h"
#include "libreplica/replicate/object_transfer.h"

/* How long a server that could not be reached is left alone. */
#define REST apr_time_from_sec(60)

struct upstream {
    const char *url;
    apr_time_t rests_until;
    struct error problem; /* why it rests */
};

struct upstreams {
    struct fetcher *fetcher;
    struct upstream *list;
    int count;
};

bool upstreams_create(struct upstreams **upstreams, const apr_array_header_t *urls,
                      const struct fetcher_options *options, apr_pool_t *pool,
                      struct error *error)
{
    struct upstreams *made = apr_pcalloc(pool, sizeof(*made));

    made->count = urls->nelts;
    made->list = apr_pcalloc(pool, (size_t)urls->nelts * sizeof(*made->list));
    for (int i = 0; i < urls->nelts; i++)
        made->list[i].url = APR_ARRAY_IDX(urls, i, const char *);
    *upstreams = made;
    return fetcher_create(&made->fetcher, options, pool, error);
}

/* Whether another server could do better; the rest is ours or our disk's. */
static bool is_the_servers(enum error_code code)
{
    return code == ERROR_NOT_FOUND || code == ERROR_REFUSED ||
           code == ERROR_UNREACHABLE || code == ERROR_BAD_HASH ||
           code == ERROR_TOO_LARGE || code == ERROR_BAD_FORMAT;
}

static void note_failure(struct upstream *upstream, const struct object *object,
                         const struct error *problem)
{
    char name[OBJECT_NAME_SIZE];

    if (problem->code == ERROR_UNREACHABLE) {
        upstream->rests_until = apr_time_now() + REST;
        upstream->problem = *problem;
    }
    log_write(LOG_LEVEL_INFO, "upstream url=%s object=%s reason=%s", upstream->url,
              object_name(name, object), error_code_name(problem->code));
}

bool upstreams_get(struct store_file **file, struct upstreams *upstreams,
                   struct store *store, const struct object *object, int64_t size_limit,
                   apr_pool_t *pool, struct error *error)
{
    char name[OBJECT_NAME_SIZE];

    error_set(error, ERROR_NOT_FOUND, "none of %d upstreams has object %s",
              upstreams->count, object_name(name, object));
    for (int i = 0; i < upstreams->count; i++) {
        struct upstream *upstream = &upstreams->list[i];
        struct error problem;

        if (apr_time_now() < upstream->rests_until) {
            *error = upstream->problem;
            continue;
        }
        if (object_receive(file, store, upstreams->fetcher, upstream->url, object,
                           size_limit, pool, &problem))
            return true;
        if (!is_the_servers(problem.code)) {
            *error = problem;
            return false;
        }
        note_failure(upstream, object, &problem);
        if (problem.code != ERROR_NOT_FOUND)
            *error = problem;
    }
    return false;
}

bool upstreams_fetch(struct upstreams *upstreams, struct store *store,
                     const struct object *object, int64_t size_limit, apr_pool_t *pool,
                     struct error *error)
{
    struct store_file *file;

    return upstreams_get(&file, upstreams, store, object, size_limit, pool, error) &&
           store_commit(file, object, error);
}
