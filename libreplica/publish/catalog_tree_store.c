/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs of a change set: finishing and storing those that changed, children first. */
#include "libreplica/publish/catalog_tree_internal.h"

#include <stdlib.h>
#include <string.h>

/* A path is longer than that of what is above it. */
static int compare_depth(const void *a, const void *b)
{
    size_t first = strlen((*(struct tree_catalog *const *)a)->now.path);
    size_t second = strlen((*(struct tree_catalog *const *)b)->now.path);

    return (first < second) - (first > second);
}

/* A catalog that came back to where it was is as it was. */
static bool is_new(const struct tree_catalog *catalog)
{
    return catalog->now.is_changed || !catalog->is_published ||
           strcmp(catalog->now.path, catalog->first.path) != 0;
}

void catalog_tree_list_changed(apr_array_header_t **catalogs, struct catalog_tree *tree,
                               apr_pool_t *pool)
{
    apr_array_header_t *listed = apr_array_make(pool, 16, sizeof(struct tree_catalog *));
    apr_hash_t *known = apr_hash_make(pool);

    for (int i = 0; i < tree->all->nelts; i++) {
        struct tree_catalog *each = APR_ARRAY_IDX(tree->all, i, struct tree_catalog *);

        if (each->now.is_gone || !is_new(each))
            continue;
        for (; each != NULL &&
               apr_hash_get(known, each->now.path, APR_HASH_KEY_STRING) == NULL;
             each = each->now.parent) {
            apr_hash_set(known, each->now.path, APR_HASH_KEY_STRING, each);
            APR_ARRAY_PUSH(listed, struct tree_catalog *) = each;
        }
    }
    qsort(listed->elts, (size_t)listed->nelts, (size_t)listed->elt_size, compare_depth);
    *catalogs = listed;
}

static struct catalog_properties properties_of(const struct catalog_tree *tree,
                                               const struct tree_catalog *catalog,
                                               int64_t revision)
{
    const struct tree_origin *origin =
        apr_hash_get(tree->origins, catalog->now.path, APR_HASH_KEY_STRING);
    struct catalog_properties properties = {
        .revision = origin != NULL ? origin->revision + 1 : 1,
        .last_modified_seconds = tree->publication->now_seconds,
        .root_prefix = catalog->now.path,
    };

    if (origin != NULL)
        properties.previous_revision = origin->hash;
    if (catalog->now.parent == NULL) {
        properties.revision = revision;
        properties.ttl_seconds = tree->publication->target->ttl_seconds;
    }
    return properties;
}

static struct catalog_counters totals_of(const struct catalog_editor *editor)
{
    struct catalog_counters totals = *catalog_editor_counters(editor);

    catalog_counters_add(&totals, catalog_editor_subtree(editor));
    return totals;
}

static bool tell_parent(struct catalog_tree *tree, const struct tree_catalog *catalog,
                        const struct catalog_nested *stored,
                        const struct catalog_counters *totals, struct error *error)
{
    struct tree_catalog *parent = catalog->now.parent;

    if (parent == NULL)
        return true;
    if (!tree_open(tree, parent, error))
        return false;
    parent->now.is_changed = true;
    catalog_editor_count_below(parent->editor, totals, &catalog->now.counted);
    return catalog_editor_set_nested(parent->editor, stored, error);
}

static bool store_one(struct catalog_nested *stored, struct catalog_tree *tree,
                      struct tree_catalog *catalog, int64_t revision, struct error *error)
{
    struct catalog_properties properties = properties_of(tree, catalog, revision);
    struct object object = {.type = OBJECT_CATALOG};
    struct catalog_counters totals;
    bool finished;

    if (!publication_continues(tree->publication, error) ||
        !tree_open(tree, catalog, error))
        return false;
    totals = totals_of(catalog->editor);
    finished = catalog_editor_finish(catalog->editor, &properties, error);
    tree_closed(tree, catalog);
    if (!finished || !publication_store_file(&object, &stored->size, tree->publication,
                                             catalog->file, catalog->pool, error))
        return false;
    stored->path = catalog->now.path;
    stored->hash = object.hash;
    apr_pool_destroy(catalog->pool);
    catalog->pool = NULL;
    return tell_parent(tree, catalog, stored, &totals, error);
}

static bool sum_up(struct publish_result *result, struct catalog_tree *tree,
                   struct error *error)
{
    struct catalog_counters totals;

    if (!tree_open(tree, tree->root, error))
        return false;
    totals = totals_of(tree->root->editor);
    result->entries = catalog_counters_entries(&totals);
    result->catalogs = 1 + totals.value[CATALOG_COUNT_NESTED];
    result->bytes = totals.value[CATALOG_COUNT_FILE_SIZE];
    return true;
}

bool catalog_tree_store(struct catalog_nested *root, struct catalog_tree *tree,
                        int64_t revision, struct publish_result *result,
                        struct error *error)
{
    struct tree_catalog **all = (struct tree_catalog **)tree->all->elts;
    int last = tree->all->nelts - 1;

    *root = tree->root->first;
    qsort(all, (size_t)tree->all->nelts, (size_t)tree->all->elt_size, compare_depth);
    for (int i = 0; i < last; i++) {
        if (!is_new(all[i]))
            continue;
        if (!store_one(root, tree, all[i], revision, error))
            return false;
        result->catalogs_stored++;
    }
    *root = tree->root->first;
    if (!sum_up(result, tree, error))
        return false;
    if (!is_new(tree->root))
        return true;
    result->catalogs_stored++;
    return store_one(root, tree, tree->root, revision, error);
}
