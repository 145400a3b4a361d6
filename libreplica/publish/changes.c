/* SPDX-License-Identifier: Apache-2.0 */
/* Change sets: from the present revision to the next one. */
#include "libreplica/publish/changes_internal.h"

#include <string.h>

#include "libreplica/publish/balancing.h"
#include "libreplica/publish/head.h"
#include "libreplica/publish/nesting.h"

void changes_start(struct changes *changes)
{
    apr_pool_clear(changes->scratch);
}

static bool end_run(struct changes *changes, bool ok, struct error *error)
{
    changes->is_running = false;
    return run_end(&changes->run, ok, error);
}

/* Before the memory of what the threads work with goes. */
static apr_status_t cleanup(void *baton)
{
    struct changes *changes = baton;

    changes_stop_workers(changes);
    if (changes->is_running)
        end_run(changes, false, NULL);
    return APR_SUCCESS;
}

static bool begin(struct changes *changes, const struct publish_target *target,
                  apr_time_t now, const volatile int *stop, struct error *error)
{
    struct catalog_nested root = {.path = ""};

    if (!run_begin(&changes->run, target, now, stop, changes->pool, error))
        return false;
    changes->is_running = true;
    apr_pool_pre_cleanup_register(changes->pool, changes, cleanup);
    root.hash = changes->run.present->catalog;
    root.size = changes->run.present->catalog_size;
    return catalog_tree_create(&changes->tree, changes->run.publication, &root,
                               changes->pool, error) &&
           nesting_begin(&changes->nesting, changes, changes->pool, error);
}

bool changes_begin(struct changes **changes, const struct publish_target *target,
                   apr_time_t now, const volatile int *stop, apr_pool_t *pool,
                   struct error *error)
{
    struct changes *begun;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    begun = apr_pcalloc(own, sizeof(*begun));
    begun->pool = own;
    apr_pool_create(&begun->scratch, own);
    begun->waiting = apr_hash_make(own);
    for (int i = 0; i < CHANGES_WAITING; i++)
        apr_pool_create(&begun->ring[i].pool, own);
    if (!begin(begun, target, now, stop, error)) {
        apr_pool_destroy(own);
        return false;
    }
    *changes = begun;
    return true;
}

void changes_abandon(struct changes *changes)
{
    apr_pool_destroy(changes->pool);
}

bool changes_lookup(struct changes *changes, bool *found, struct catalog_entry *entry,
                    const char *path, struct error *error)
{
    struct spot spot;

    changes_start(changes);
    if (!change_path_is_clean(path, error))
        return false;
    changes_enter_if_waiting(changes, path);
    if (!spot_find(&spot, changes, path, error))
        return false;
    *found = spot.found;
    *entry = spot.entry;
    return true;
}

bool changes_list(struct changes *changes, const char *path, catalog_visit_entry *visit,
                  void *baton, struct error *error)
{
    struct tree_catalog *catalog;
    struct catalog_editor *editor;
    struct spot spot;

    changes_start(changes);
    if (!change_path_is_clean(path, error))
        return false;
    changes_enter_waiting(changes);
    if (!spot_find(&spot, changes, path, error))
        return false;
    if (!spot.found || !(spot.entry.flags & CATALOG_DIRECTORY))
        return error_set(error, ERROR_NOT_FOUND, "there is no directory '%.100s/'", path);
    return catalog_tree_find(&catalog, changes->tree, path, error) &&
           tree_catalog_read(&editor, changes->tree, catalog, error) &&
           catalog_list(catalog_editor_catalog(editor), path, visit, baton, error);
}

static bool publish(struct publish_result *result, struct changes *changes,
                    struct error *error)
{
    struct publication *publication = changes->run.publication;
    struct manifest next = *changes->run.present;
    struct catalog_nested root;

    if (!changes_settle(changes, error) ||
        !nesting_apply(changes->nesting, changes, error) ||
        !balancing_apply(changes, error) ||
        !catalog_tree_store(&root, changes->tree, next.revision + 1, result, error))
        return false;
    result->revision = next.revision;
    result->catalog = root.hash;
    if (result->catalogs_stored == 0)
        return true;
    result->revision = ++next.revision;
    next.catalog = root.hash;
    next.catalog_size = root.size;
    return publication_continues(publication, error) &&
           head_publish(publication, &next, changes->pool, error);
}

bool changes_scratch_path(const char **path, struct changes *changes, apr_pool_t *pool,
                          struct error *error)
{
    return store_scratch_path(path, changes->run.publication->store, pool, error);
}

bool changes_commit(struct publish_result *result, struct changes *changes,
                    struct error *error)
{
    *result = (struct publish_result){0};
    return end_run(changes, publish(result, changes, error), error);
}
