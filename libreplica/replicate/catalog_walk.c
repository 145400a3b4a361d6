/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog walk: what is asked for next, when it is done, when it is given up. */
#include "libreplica/replicate/catalog_walk_internal.h"

#include <stdlib.h>

/* Catalogs fetched ahead of their objects, at least: new work for the line. Over a long
 * line it takes as many as there are connections, lest it idles. */
#define AHEAD_LEAST 16
/* But no more once so much of them lies inflated in the temporary folder. */
#define AHEAD_BYTES_MAX (256LL << 20)
/* References looked at before transfers are moved along again. */
#define REFERENCES_PER_ROUND 512
#define RUN_MILLISECONDS     500
/* When so many objects failed, the origin is not going to get better. */
#define FAILURES_MAX            20
#define COMMITS_PER_SPACE_CHECK 64

/* The catalogs' own pools are gone by now: a pool destroys its children before it runs
 * its cleanups. */
static apr_status_t walk_cleanup(void *baton)
{
    struct catalog_walk *walk = baton;

    for (apr_hash_index_t *i = apr_hash_first(NULL, walk->catalogs); i != NULL;
         i = apr_hash_next(i)) {
        struct walk_catalog *catalog = apr_hash_this_val(i);

        free(catalog->path);
        free(catalog);
    }
    return APR_SUCCESS;
}

struct catalog_walk *catalog_walk_create(const struct catalog_walk_options *options,
                                         apr_pool_t *pool)
{
    struct catalog_walk *walk = apr_pcalloc(pool, sizeof(*walk));

    walk->options = *options;
    walk->pool = pool;
    walk->catalogs = apr_hash_make(pool);
    walk->objects = apr_hash_make(pool);
    walk->skipped = apr_hash_make(pool);
    walk->stored = apr_hash_make(pool);
    apr_pool_cleanup_register(pool, walk, walk_cleanup, apr_pool_cleanup_null);
    return walk;
}

const struct catalog_walk_counters *catalog_walk_counters(const struct catalog_walk *walk)
{
    return &walk->counters;
}

bool catalog_walk_was_skipped(const struct catalog_walk *walk, const struct hash *hash)
{
    return apr_hash_get(walk->skipped, hash, sizeof(*hash)) != NULL;
}

bool catalog_walk_has_stored(const struct catalog_walk *walk, const struct hash *hash)
{
    return apr_hash_get(walk->stored, hash, sizeof(*hash)) != NULL;
}

bool catalog_walk_add_root(struct catalog_walk *walk, const struct hash *hash,
                           int64_t size, bool optional, struct error *error)
{
    struct walk_need need = {.hash = *hash,
                             .path = "",
                             .size = size,
                             .predecessor = walk->options.predecessor,
                             .is_optional = optional};

    return walk_need_catalog(walk, &need, error);
}

/* Whether an error is about this machine: then no other object fares better. */
static bool is_local(enum error_code code)
{
    return code == ERROR_IO || code == ERROR_NO_SPACE || code == ERROR_PERMISSION ||
           code == ERROR_CANCELLED;
}

void walk_fail(struct catalog_walk *walk, const struct error *error)
{
    if (!walk->has_failed)
        walk->first_error = *error;
    walk->has_failed = true;
    walk->counters.failures++;
    if (is_local(error->code) || walk->counters.failures >= FAILURES_MAX)
        walk->must_stop = true;
}

bool walk_check_space(struct catalog_walk *walk, struct error *error)
{
    int64_t bytes, inodes;

    if (walk->commits_until_space_check-- > 0)
        return true;
    walk->commits_until_space_check = COMMITS_PER_SPACE_CHECK;
    if (!store_space(walk->options.store, &bytes, &inodes, error))
        return false;
    if (bytes < walk->options.min_free_bytes)
        return error_set(
            error, ERROR_NO_SPACE,
            "the file system of %s has %lld MiB free, less than the reserve of "
            "%lld MiB (REPLICA_MIN_FREE_BYTES)",
            store_root(walk->options.store), (long long)(bytes >> 20),
            (long long)(walk->options.min_free_bytes >> 20));
    if (inodes < walk->options.min_free_inodes)
        return error_set(
            error, ERROR_NO_SPACE,
            "the file system of %s has %lld inodes free, less than the reserve "
            "of %lld (REPLICA_MIN_FREE_INODES)",
            store_root(walk->options.store), (long long)inodes,
            (long long)walk->options.min_free_inodes);
    return true;
}

/* Whether another catalog may be fetched before the objects of those that are here. */
static bool may_look_ahead(const struct catalog_walk *walk)
{
    int width = fetcher_width(walk->options.fetcher);

    if (walk->opening < 2)
        return true;
    return walk->opening_bytes < AHEAD_BYTES_MAX &&
           walk->opening < (width > AHEAD_LEAST ? width : AHEAD_LEAST);
}

/* Give the fetch engine work: catalogs first, since they open new work, then their
 * objects. *more says whether there is work left that could start at once. */
static bool feed(struct catalog_walk *walk, bool *more, struct error *error)
{
    int references = 0;

    *more = true;
    while (!walk->must_stop && fetcher_has_room(walk->options.fetcher)) {
        if (walk->to_do != NULL && may_look_ahead(walk)) {
            struct walk_catalog *catalog = walk->to_do;

            walk->to_do = catalog->next;
            walk_begin_catalog(catalog);
        } else {
            if (!walk_next_object(walk, more, error))
                return false;
            if (!*more || ++references == REFERENCES_PER_ROUND)
                break;
        }
        walk_name_ready(walk);
    }
    walk_name_ready(walk);
    return true;
}

static bool has_work(const struct catalog_walk *walk)
{
    return walk->to_do != NULL || walk->being_read != NULL ||
           fetcher_pending(walk->options.fetcher) > 0;
}

static bool run_round(struct catalog_walk *walk, struct error *error)
{
    struct fetcher *fetcher = walk->options.fetcher;
    bool more;

    if (!feed(walk, &more, error))
        return false;
    more = more && fetcher_has_room(fetcher) &&
           (walk->to_do != NULL || walk->being_read != NULL);
    if (!fetcher_run(fetcher,
                     more || fetcher_pending(fetcher) == 0 ? 0 : RUN_MILLISECONDS, error))
        return false;
    walk_name_ready(walk);
    if (walk->options.progress != NULL)
        walk->options.progress(walk->options.baton, &walk->counters);
    return true;
}

bool catalog_walk_run(struct catalog_walk *walk, struct error *error)
{
    bool ok = walk_check_space(walk, error);

    while (ok && !walk->must_stop && has_work(walk))
        ok = run_round(walk, error);
    if (ok && walk->has_failed) {
        *error = walk->first_error;
        ok = false;
    }
    /* What is still under way must not call us back later. */
    if (!ok)
        fetcher_abort(walk->options.fetcher, error);
    return ok;
}
