/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing a directory as the next revision: one run from beginning to end. */
#include "libreplica/publish/head.h"
#include "libreplica/publish/run.h"
#include "libreplica/publish/walk.h"

/* Everything below DIRECTORY into objects and catalogs. */
static bool store_tree(struct catalog_nested *root, struct publication *publication,
                       struct catalogs *catalogs, const struct predecessors *predecessors,
                       const char *directory, apr_pool_t *pool, struct error *error)
{
    struct workers *workers;
    struct rows *rows;
    bool ok;

    if (!workers_start(&workers, publication->target, publication->store,
                       publication->stop, pool, error))
        return false;
    rows = rows_create(catalogs, workers, pool);
    ok = walk_directory(publication, rows, workers, predecessors, directory, pool,
                        error) &&
         rows_drain(rows, root, error);
    workers_stop(workers);
    rows_discard(rows);
    return ok;
}

static bool publish_next(struct publish_result *result, struct run *run,
                         const char *directory, apr_pool_t *pool, struct error *error)
{
    struct publication *publication = run->publication;
    struct manifest next = *run->present;
    struct predecessors *predecessors;
    struct catalog_nested root;
    struct catalogs *catalogs;

    if (!predecessors_read(&predecessors, publication, &next.catalog, next.catalog_size,
                           pool, error))
        return false;
    next.revision++;
    result->revision = next.revision;
    catalogs =
        catalogs_create(publication, predecessors, predecessors_marks(predecessors),
                        next.revision, result, pool);
    if (!store_tree(&root, publication, catalogs, predecessors, directory, pool, error))
        return false;
    next.catalog = result->catalog = root.hash;
    next.catalog_size = root.size;
    return publication_continues(publication, error) &&
           head_publish(publication, &next, pool, error);
}

bool publish_directory(struct publish_result *result, const struct publish_target *target,
                       const char *directory, apr_time_t now, const volatile int *stop,
                       apr_pool_t *pool, struct error *error)
{
    apr_pool_t *own;
    struct run run;
    bool ok;

    *result = (struct publish_result){0};
    apr_pool_create(&own, pool);
    ok = run_begin(&run, target, now, stop, own, error) &&
         run_end(&run, publish_next(result, &run, directory, own, error), error);
    apr_pool_destroy(own);
    return ok;
}
