/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic catalogs, in change sets. */
#include "libreplica/publish/balancing.h"

#include <apr_strings.h>

#include "libreplica/format/catalog_balance.h"
#include "libreplica/publish/changes_internal.h"
#include "libreplica/publish/nesting.h"

static int64_t weight_of(const struct catalog_editor *editor)
{
    return catalog_counters_entries(catalog_editor_counters(editor));
}

bool balancing_plan(apr_array_header_t **paths, const struct publish_target *target,
                    struct catalog_editor *editor, const char *path, apr_pool_t *pool,
                    struct error *error)
{
    if (target->balances_catalogs && weight_of(editor) > target->maximum_weight)
        return catalog_plan_balance(paths, catalog_editor_catalog(editor), path,
                                    target->maximum_weight / 2, target->minimum_weight,
                                    pool, error);
    *paths = apr_array_make(pool, 0, sizeof(const char *));
    return true;
}

bool balancing_gives_up(bool *gives_up, const struct publish_target *target,
                        struct catalog_editor *editor, const char *path, apr_pool_t *pool,
                        struct error *error)
{
    struct catalog_entry entry;
    bool found;

    *gives_up = false;
    if (!target->balances_catalogs || weight_of(editor) >= target->minimum_weight ||
        *path == '\0')
        return true;
    if (!catalog_editor_find(&entry, &found, editor,
                             apr_pstrcat(pool, path, "/" CATALOG_AUTOMATIC_MARKER, NULL),
                             pool, error))
        return false;
    *gives_up = found && !(entry.flags & CATALOG_DIRECTORY);
    return true;
}

/* They look like the directory, so that the same content is the same catalog. */
static bool put_markers(struct changes *changes, const char *path, apr_pool_t *pool,
                        struct error *error)
{
    const char *marker = apr_pstrcat(pool, path, "/" CATALOG_MARKER, NULL);
    struct change_attributes attributes = {.mode = AUTOMATIC_MARKER_MODE};
    struct catalog_entry entry;
    bool found;

    if (!changes_lookup(changes, &found, &entry, marker, error))
        return false;
    /* By its name only: it is no file, or there would be a catalog. */
    if (found)
        return true;
    if (!changes_lookup(changes, &found, &entry, path, error))
        return false;
    attributes.uid = entry.uid;
    attributes.gid = entry.gid;
    attributes.mtime_seconds = entry.mtime_seconds;
    return changes_put_empty(changes, marker, &attributes, error) &&
           changes_put_empty(changes,
                             apr_pstrcat(pool, path, "/" CATALOG_AUTOMATIC_MARKER, NULL),
                             &attributes, error);
}

static bool divide(struct changes *changes, struct tree_catalog *catalog,
                   apr_pool_t *pool, struct error *error)
{
    struct catalog_editor *editor;
    apr_array_header_t *paths;

    if (!tree_catalog_read(&editor, changes->tree, catalog, error) ||
        !balancing_plan(&paths, changes->run.publication->target, editor,
                        tree_catalog_path(catalog), pool, error))
        return false;
    for (int i = 0; i < paths->nelts; i++)
        if (!publication_continues(changes->run.publication, error) ||
            !put_markers(changes, APR_ARRAY_IDX(paths, i, const char *), pool, error))
            return false;
    return changes_settle(changes, error);
}

static bool remove_file(struct changes *changes, const char *path, struct error *error)
{
    struct catalog_entry entry;
    bool found;

    return changes_lookup(changes, &found, &entry, path, error) &&
           (!found || changes_remove(changes, path, error));
}

/* What the rules ask for stays. */
static bool give_up(struct changes *changes, struct tree_catalog *catalog,
                    apr_pool_t *pool, struct error *error)
{
    const char *path = tree_catalog_path(catalog);
    struct catalog_editor *editor;
    bool gives_up;

    if (!tree_catalog_read(&editor, changes->tree, catalog, error) ||
        !balancing_gives_up(&gives_up, changes->run.publication->target, editor, path,
                            pool, error))
        return false;
    if (!gives_up || nesting_matches(changes->nesting, path))
        return true;
    return remove_file(changes,
                       apr_pstrcat(pool, path, "/" CATALOG_AUTOMATIC_MARKER, NULL),
                       error) &&
           remove_file(changes, apr_pstrcat(pool, path, "/" CATALOG_MARKER, NULL), error);
}

bool balancing_apply(struct changes *changes, struct error *error)
{
    apr_array_header_t *catalogs;
    apr_pool_t *pool, *own;
    bool ok = true;

    if (!changes->run.publication->target->balances_catalogs)
        return true;
    apr_pool_create(&pool, changes->pool);
    apr_pool_create(&own, pool);
    catalog_tree_list_changed(&catalogs, changes->tree, pool);
    for (int i = 0; ok && i < catalogs->nelts; i++) {
        struct tree_catalog *catalog = APR_ARRAY_IDX(catalogs, i, struct tree_catalog *);

        ok =
            divide(changes, catalog, own, error) && give_up(changes, catalog, own, error);
        apr_pool_clear(own);
    }
    apr_pool_destroy(pool);
    return ok;
}
