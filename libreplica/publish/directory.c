/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing a directory as the next revision: one run from beginning to end. */
#include "libreplica/base/log.h"
#include "libreplica/publish/head.h"
#include "libreplica/publish/walk.h"
#include "libreplica/store/dirty_marker.h"

/* After a crash some objects may be damaged: those that are go, and what this revision
 * needs of them is written again. */
static bool begin(struct dirty_marker *marker, struct publication *publication,
                  struct error *error)
{
    int64_t checked, removed;

    if (!store_clean_temporary(publication->store, error) ||
        !dirty_marker_open(marker, publication->store, error))
        return false;
    if (!marker->is_stale)
        return true;
    if (!dirty_marker_recover(marker, &checked, &removed, publication->stop, error))
        return false;
    log_write(LOG_LEVEL_WARNING, "publish-recovered checked=%lld removed=%lld",
              (long long)checked, (long long)removed);
    return true;
}

/* Everything below DIRECTORY into objects and catalogs. */
static bool store_tree(struct catalog_nested *root, struct publication *publication,
                       struct catalogs *catalogs, const char *directory, apr_pool_t *pool,
                       struct error *error)
{
    struct workers *workers;
    struct rows *rows;
    bool ok;

    if (!workers_start(&workers, publication->target, publication->store,
                       publication->stop, pool, error))
        return false;
    rows = rows_create(catalogs, workers, pool);
    ok = walk_directory(publication, rows, workers, directory, pool, error) &&
         rows_drain(rows, root, error);
    workers_stop(workers);
    rows_discard(rows);
    return ok;
}

static bool publish_next(struct publish_result *result, struct publication *publication,
                         const char *directory, apr_pool_t *pool, struct error *error)
{
    struct predecessors *predecessors;
    struct catalog_nested root;
    struct catalogs *catalogs;
    struct manifest *present, next;

    if (!head_read(&present, publication, pool, error) ||
        !predecessors_read(&predecessors, publication, &present->catalog,
                           present->catalog_size, pool, error))
        return false;
    /* Readers refuse a head that is older than the one they know. */
    if (present->published_seconds > publication->now_seconds)
        publication->now_seconds = present->published_seconds;
    next = *present;
    next.revision = result->revision = present->revision + 1;
    catalogs = catalogs_create(publication, predecessors, next.revision, result, pool);
    if (!store_tree(&root, publication, catalogs, directory, pool, error))
        return false;
    next.catalog = result->catalog = root.hash;
    next.catalog_size = root.size;
    return publication_continues(publication, error) &&
           head_publish(publication, &next, pool, error);
}

/* A run that failed leaves whole objects too: sync them, and the next one trusts them. */
static bool finish(struct dirty_marker *marker, bool ok, struct error *error)
{
    struct error unused;

    return dirty_marker_close(marker, ok ? error : &unused) && ok;
}

bool publish_directory(struct publish_result *result, const struct publish_target *target,
                       const char *directory, apr_time_t now, const volatile int *stop,
                       apr_pool_t *pool, struct error *error)
{
    struct publication *publication;
    struct dirty_marker marker;
    apr_pool_t *own;
    bool ok;

    *result = (struct publish_result){0};
    apr_pool_create(&own, pool);
    ok = publication_open(&publication, target, now, stop, own, error) &&
         begin(&marker, publication, error) &&
         finish(&marker, publish_next(result, publication, directory, own, error), error);
    apr_pool_destroy(own);
    return ok;
}
