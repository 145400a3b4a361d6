/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs of a change set: splitting, merging, moving them, and what that does to the
 * counters above. */
#include "libreplica/publish/catalog_tree_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

/* Visit the rows of CATALOG's table at PATH and below it, each with its catalog. */
typedef bool visit_nested(void *baton, const struct catalog_nested *row,
                          struct tree_catalog *nested, struct error *error);

static bool visit_all(struct catalog_tree *tree, struct tree_catalog *catalog,
                      const char *path, visit_nested *visit, void *baton,
                      apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *rows;

    if (!tree_open(tree, catalog, error) ||
        !catalog_editor_list_nested(&rows, catalog->editor, path, pool, error))
        return false;
    for (int i = 0; i < rows->nelts; i++) {
        const struct catalog_nested *row = &APR_ARRAY_IDX(rows, i, struct catalog_nested);
        struct tree_catalog *nested;

        if (!catalog_tree_find(&nested, tree, row->path, error) ||
            !visit(baton, row, nested, error))
            return false;
    }
    return true;
}

static bool with_pool(struct catalog_tree *tree, struct tree_catalog *catalog,
                      const char *path, visit_nested *visit, void *baton,
                      struct error *error)
{
    apr_pool_t *pool;
    bool ok;

    apr_pool_create(&pool, tree->pool);
    ok = visit_all(tree, catalog, path, visit, baton, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

/* A row of the table goes from one catalog to another, and its counts with it. */
struct adoption {
    struct catalog_tree *tree;
    struct tree_catalog *to, *from;
    const char *new_path; /* in the place of OLD_PATH */
    const char *old_path;
};

static bool adopt(void *baton, const struct catalog_nested *row,
                  struct tree_catalog *nested, struct error *error)
{
    const struct adoption *adoption = baton;
    struct catalog_editor *to = adoption->to->editor, *from = adoption->from->editor;
    struct catalog_nested renamed = *row;

    tree_touch(adoption->tree, nested);
    nested->now.parent = adoption->to;
    renamed.path = apr_pstrcat(adoption->tree->pool, adoption->new_path,
                               row->path + strlen(adoption->old_path), NULL);
    if (to != from) {
        catalog_editor_count_below(to, &nested->now.counted, NULL);
        catalog_editor_count_below(from, NULL, &nested->now.counted);
    }
    return catalog_editor_remove_nested(from, row->path, error) &&
           catalog_editor_add_nested(to, &renamed, error);
}

/* An empty database for what is going to be the catalog of PATH. */
static bool add_empty(struct tree_catalog **added, struct catalog_tree *tree,
                      struct tree_catalog *parent, const char *path, struct error *error)
{
    struct tree_catalog *made = tree_add(tree, parent, path);

    *added = made;
    if (!tree_make_room(tree, error) ||
        !store_scratch_path(&made->file, tree->publication->store, made->pool, error) ||
        !catalog_editor_create(&made->editor, made->file, made->pool, error))
        return false;
    tree->open_count++;
    return true;
}

static bool split(struct catalog_tree *tree, struct tree_catalog *catalog,
                  const char *path, apr_pool_t *pool, struct error *error)
{
    struct catalog_editor *from, *to;
    struct catalog_nested row = {.path = path};
    struct tree_catalog *added;
    struct adoption adoption = {tree, NULL, catalog, path, path};
    apr_array_header_t *below;

    /* All are looked up while this catalog still leads to them. */
    if (!tree_catalog_edit(&from, tree, catalog, error) ||
        !catalog_editor_list_nested(&below, from, path, pool, error))
        return false;
    for (int i = 0; i < below->nelts; i++)
        if (!catalog_tree_find(
                &added, tree, APR_ARRAY_IDX(below, i, struct catalog_nested).path, error))
            return false;
    if (!add_empty(&added, tree, catalog, path, error) ||
        !tree_catalog_edit(&to, tree, added, error))
        return false;
    adoption.to = added;
    tree->is_rearranged = true;
    tree->last_directory = NULL;
    return catalog_editor_move_out(to, from, path, error) &&
           visit_all(tree, catalog, path, adopt, &adoption, pool, error) &&
           catalog_editor_add_nested(from, &row, error);
}

bool catalog_tree_split(struct catalog_tree *tree, struct tree_catalog *catalog,
                        const char *path, struct error *error)
{
    apr_pool_t *pool;
    bool ok;

    apr_pool_create(&pool, tree->pool);
    ok = split(tree, catalog, path, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

static void leave(struct catalog_tree *tree, struct tree_catalog *catalog)
{
    tree_touch(tree, catalog);
    catalog->now.is_gone = true;
    tree->is_rearranged = true;
}

/* Only those are looked up that were opened before: what they all amount to is in the
 * catalog's own counters. */
static bool give_nested(struct catalog_tree *tree, struct tree_catalog *catalog,
                        apr_pool_t *pool, struct error *error)
{
    struct tree_catalog *parent = catalog->now.parent, *nested;
    apr_array_header_t *rows;

    if (!catalog_editor_list_nested(&rows, catalog->editor, catalog->now.path, pool,
                                    error))
        return false;
    catalog_editor_count_below(parent->editor, catalog_editor_subtree(catalog->editor),
                               &catalog->now.counted);
    for (int i = 0; i < rows->nelts; i++) {
        const struct catalog_nested *row = &APR_ARRAY_IDX(rows, i, struct catalog_nested);

        if (!catalog_editor_add_nested(parent->editor, row, error))
            return false;
        nested = apr_hash_get(tree->by_path, row->path, APR_HASH_KEY_STRING);
        if (nested == NULL)
            continue;
        tree_touch(tree, nested);
        nested->now.parent = parent;
    }
    return true;
}

bool catalog_tree_merge(struct catalog_tree *tree, struct tree_catalog *catalog,
                        struct error *error)
{
    const char *path = catalog->now.path;
    struct catalog_editor *to, *from;
    apr_pool_t *pool;
    bool ok;

    if (!tree_catalog_edit(&to, tree, catalog->now.parent, error) ||
        !tree_catalog_edit(&from, tree, catalog, error))
        return false;
    apr_pool_create(&pool, tree->pool);
    ok = catalog_editor_take_in(to, from, path, error) &&
         give_nested(tree, catalog, pool, error);
    apr_pool_destroy(pool);
    if (ok)
        leave(tree, catalog);
    tree_index(tree);
    return ok;
}

struct removal {
    struct catalog_tree *tree;
    struct catalog_editor *editor;
};

static bool remove_row(void *baton, const struct catalog_nested *row,
                       struct tree_catalog *nested, struct error *error)
{
    const struct removal *removal = baton;
    struct catalog_tree *tree = removal->tree;

    catalog_editor_count_below(removal->editor, NULL, &nested->now.counted);
    for (int i = 0; i < tree->all->nelts; i++) {
        struct tree_catalog *each = APR_ARRAY_IDX(tree->all, i, struct tree_catalog *);

        if (!each->now.is_gone && tree_is_at_or_below(each->now.path, row->path))
            leave(tree, each);
    }
    return catalog_editor_remove_nested(removal->editor, row->path, error);
}

bool catalog_tree_forget(struct catalog_tree *tree, struct tree_catalog *catalog,
                         const char *path, struct error *error)
{
    struct removal removal = {.tree = tree};

    if (!tree_catalog_edit(&removal.editor, tree, catalog, error) ||
        !with_pool(tree, catalog, path, remove_row, &removal, error))
        return false;
    if (tree->is_rearranged)
        tree_index(tree);
    return true;
}

static void rename_all(struct catalog_tree *tree, const char *new_path,
                       const char *old_path)
{
    for (int i = 0; i < tree->all->nelts; i++) {
        struct tree_catalog *each = APR_ARRAY_IDX(tree->all, i, struct tree_catalog *);

        if (each->now.is_gone || !tree_is_at_or_below(each->now.path, old_path))
            continue;
        tree_touch(tree, each);
        each->now.path =
            apr_pstrcat(tree->pool, new_path, each->now.path + strlen(old_path), NULL);
        tree->is_rearranged = true;
    }
    tree_index(tree);
}

/* Those to be opened, which gives them and what they lead to their new paths. */
struct opening {
    struct catalog_tree *tree;
    apr_array_header_t *pending; /* of struct tree_catalog * */
};

static bool note(void *baton, const struct catalog_nested *row,
                 struct tree_catalog *nested, struct error *error)
{
    struct opening *opening = baton;

    APR_ARRAY_PUSH(opening->pending, struct tree_catalog *) = nested;
    return true;
}

static bool open_all(struct catalog_tree *tree, struct tree_catalog *catalog,
                     const char *path, apr_pool_t *pool, struct error *error)
{
    struct opening opening = {tree,
                              apr_array_make(pool, 8, sizeof(struct tree_catalog *))};
    struct tree_catalog **last;

    if (!with_pool(tree, catalog, path, note, &opening, error))
        return false;
    while ((last = apr_array_pop(opening.pending)) != NULL) {
        struct tree_catalog *next = *last;

        if (!with_pool(tree, next, next->now.path, note, &opening, error))
            return false;
    }
    return true;
}

bool catalog_tree_move(struct catalog_tree *tree, struct tree_catalog *to,
                       struct tree_catalog *from, const char *new_path,
                       const char *old_path, struct error *error)
{
    struct adoption adoption = {tree, to, from, new_path, old_path};
    struct catalog_editor *unused;
    apr_pool_t *pool;
    bool ok;

    if (!tree_catalog_edit(&unused, tree, to, error) ||
        !tree_catalog_edit(&unused, tree, from, error))
        return false;
    apr_pool_create(&pool, tree->pool);
    ok = with_pool(tree, from, old_path, adopt, &adoption, error);
    if (ok)
        rename_all(tree, new_path, old_path);
    ok = ok && open_all(tree, to, new_path, pool, error);
    apr_pool_destroy(pool);
    return ok;
}
