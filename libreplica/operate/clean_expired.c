/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing without what has expired. */
#include "libreplica/operate/clean_expired.h"

#include "libreplica/operate/expired.h"
#include "libreplica/operate/ttl_manifest.h"

static bool publish_without(struct publish_result *result, struct expired *expired,
                            const struct repository *repository,
                            const struct publish_target *target, apr_time_t now,
                            const volatile int *stop, apr_pool_t *pool,
                            struct error *error)
{
    struct changes *changes;
    bool ok;

    if (!changes_begin(&changes, target, now, stop, pool, error))
        return false;
    ok = expired_remove(expired, changes, error) &&
         ttl_manifest_put(changes, repository, now, pool, error) &&
         changes_commit(result, changes, error);
    changes_abandon(changes);
    return ok;
}

/* *more: more was due than goes into one revision. */
static bool clean_once(int64_t *removed, bool *more, struct publish_result *result,
                       const struct repository *repository,
                       const struct publish_target *target, apr_time_t now,
                       const volatile int *stop, apr_pool_t *pool, struct error *error)
{
    struct expired *expired;
    struct error unused;
    struct store *store;
    apr_time_t next;

    if (!repository_open_store(&store, repository, pool, error) ||
        !expired_find(&expired, repository, store, now, pool, error))
        return false;
    if (expired_count(expired) > 0 &&
        !publish_without(result, expired, repository, target, now, stop, pool, error)) {
        expired_release(expired, &unused);
        return false;
    }
    *removed += expired_count(expired);
    if (!expired_forget(expired, error) || !expired_next(&next, repository, pool, error))
        return false;
    *more = next != 0 && next <= now;
    return true;
}

bool clean_expired(int64_t *removed, struct publish_result *result,
                   const struct repository *repository,
                   const struct publish_target *target, apr_time_t now,
                   const volatile int *stop, apr_pool_t *pool, struct error *error)
{
    bool ok = true, more = true;

    *removed = 0;
    while (ok && more) {
        apr_pool_t *own;

        apr_pool_create(&own, pool);
        ok =
            clean_once(removed, &more, result, repository, target, now, stop, own, error);
        apr_pool_destroy(own);
    }
    return ok;
}
