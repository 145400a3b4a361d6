/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs of a change set: finding, opening and closing them, undoing. */
#include "libreplica/publish/catalog_tree_internal.h"

#include <string.h>
#include <apr_strings.h>

/* Each holds two descriptors and up to 8 MiB. One change needs a handful. */
#define OPEN_MAX 16

bool tree_is_at_or_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);

    return strncmp(path, directory, length) == 0 &&
           (path[length] == '\0' || path[length] == '/');
}

void tree_touch(struct catalog_tree *tree, struct tree_catalog *catalog)
{
    if (tree->touched == NULL || catalog->has_before)
        return;
    catalog->before = catalog->now;
    catalog->has_before = true;
    APR_ARRAY_PUSH(tree->touched, struct tree_catalog *) = catalog;
}

struct tree_catalog *tree_add(struct catalog_tree *tree, struct tree_catalog *parent,
                              const char *path)
{
    struct tree_catalog *added = apr_pcalloc(tree->pool, sizeof(*added));

    apr_pool_create(&added->pool, tree->pool);
    added->now.is_gone = true;
    tree_touch(tree, added);
    added->now.is_gone = false;
    added->now.parent = parent;
    added->now.path = apr_pstrdup(tree->pool, path);
    APR_ARRAY_PUSH(tree->all, struct tree_catalog *) = added;
    apr_hash_set(tree->by_path, added->now.path, APR_HASH_KEY_STRING, added);
    return added;
}

/* One of them may have gone, or may have another path. */
void tree_index(struct catalog_tree *tree)
{
    int kept = 0;

    apr_hash_clear(tree->by_path);
    for (int i = 0; i < tree->all->nelts; i++) {
        struct tree_catalog *each = APR_ARRAY_IDX(tree->all, i, struct tree_catalog *);

        if (each->now.is_gone && !each->has_before)
            continue;
        APR_ARRAY_IDX(tree->all, kept++, struct tree_catalog *) = each;
        if (!each->now.is_gone)
            apr_hash_set(tree->by_path, each->now.path, APR_HASH_KEY_STRING, each);
    }
    tree->all->nelts = kept;
    tree->last_directory = NULL;
}

static bool break_tree(struct catalog_tree *tree, struct error *error)
{
    tree->is_broken = true;
    tree->reason = *error;
    return false;
}

void tree_closed(struct catalog_tree *tree, struct tree_catalog *catalog)
{
    if (catalog->editor != NULL)
        tree->open_count--;
    catalog->editor = NULL;
}

bool tree_make_room(struct catalog_tree *tree, struct error *error)
{
    struct tree_catalog *oldest = NULL;
    struct error reason;
    bool ok;

    if (tree->open_count < OPEN_MAX)
        return true;
    for (int i = 0; i < tree->all->nelts; i++) {
        struct tree_catalog *each = APR_ARRAY_IDX(tree->all, i, struct tree_catalog *);

        if (each->editor != NULL && !each->is_being_changed &&
            (oldest == NULL || each->last_used < oldest->last_used))
            oldest = each;
    }
    if (oldest == NULL)
        return true;
    ok = catalog_editor_close(oldest->editor, &reason);
    tree_closed(tree, oldest);
    if (ok)
        return true;
    if (error != NULL)
        *error = reason;
    return break_tree(tree, &reason);
}

static bool fetch(struct catalog_tree *tree, struct tree_catalog *catalog,
                  struct error *error)
{
    struct object object = {catalog->first.hash, OBJECT_CATALOG};
    struct error reason;

    if (publication_inflate(&catalog->file, tree->publication, &object, catalog->pool,
                            &reason))
        return true;
    catalog->file = NULL;
    /* That something is not there means something else to those who ask. */
    if (reason.code == ERROR_NOT_FOUND)
        reason.code = ERROR_IO;
    if (error != NULL)
        *error = reason;
    return error_prefix(error, "catalog of '%s'", catalog->now.path);
}

/* What only the stored catalog knows. */
static void read_first(struct catalog_tree *tree, struct tree_catalog *catalog)
{
    struct tree_origin *origin = apr_palloc(tree->pool, sizeof(*origin));

    catalog->is_published = true;
    catalog->first.path = apr_pstrdup(tree->pool, catalog_editor_prefix(catalog->editor));
    catalog->now.counted = *catalog_editor_stored(catalog->editor);
    origin->hash = catalog->first.hash;
    origin->revision =
        catalog_properties(catalog_editor_catalog(catalog->editor))->revision;
    apr_hash_set(tree->origins, catalog->first.path, APR_HASH_KEY_STRING, origin);
}

static bool set_prefix(struct tree_catalog *catalog, struct error *error)
{
    bool ok;

    if (strcmp(catalog_editor_prefix(catalog->editor), catalog->now.path) == 0)
        return true;
    if (catalog->is_being_changed)
        return catalog_editor_set_prefix(catalog->editor, catalog->now.path, error);
    if (!catalog_editor_begin(catalog->editor, error))
        return false;
    ok = catalog_editor_set_prefix(catalog->editor, catalog->now.path, error);
    return catalog_editor_end(catalog->editor, ok, ok ? error : NULL) && ok;
}

static bool open_database(struct catalog_tree *tree, struct tree_catalog *catalog,
                          struct error *error)
{
    bool is_first = catalog->file == NULL;

    if (!tree_make_room(tree, error))
        return false;
    if (is_first && !fetch(tree, catalog, error))
        return false;
    if (!catalog_editor_open(&catalog->editor, catalog->file, catalog->pool, error))
        return error_prefix(error, "catalog of '%s'", catalog->now.path);
    tree->open_count++;
    if (is_first)
        read_first(tree, catalog);
    return true;
}

bool tree_open(struct catalog_tree *tree, struct tree_catalog *catalog,
               struct error *error)
{
    if (tree->is_broken) {
        if (error != NULL)
            *error = tree->reason;
        return error_prefix(error, "earlier");
    }
    catalog->last_used = ++tree->clock;
    return (catalog->editor != NULL || open_database(tree, catalog, error)) &&
           set_prefix(catalog, error);
}

bool catalog_tree_create(struct catalog_tree **tree, struct publication *publication,
                         const struct catalog_nested *root, apr_pool_t *pool,
                         struct error *error)
{
    struct catalog_tree *made = apr_pcalloc(pool, sizeof(*made));

    made->publication = publication;
    made->pool = pool;
    apr_pool_create(&made->scratch, pool);
    apr_pool_create(&made->change, pool);
    made->all = apr_array_make(pool, 16, sizeof(struct tree_catalog *));
    made->by_path = apr_hash_make(pool);
    made->origins = apr_hash_make(pool);
    made->root = tree_add(made, NULL, "");
    made->root->first = *root;
    *tree = made;
    return tree_open(made, made->root, error);
}

/* The nested catalog at PATH, which CATALOG leads to, opened once: its counters are
 * needed whatever becomes of it. */
static bool add_nested(struct tree_catalog **added, struct catalog_tree *tree,
                       struct tree_catalog *catalog, const struct catalog_nested *nested,
                       struct error *error)
{
    *added = tree_add(tree, catalog, nested->path);
    (*added)->first = *nested;
    if (tree_open(tree, *added, error))
        return true;
    (*added)->now.is_gone = true;
    tree_index(tree);
    return false;
}

/* The innermost one that is known already. */
static struct tree_catalog *find_known(struct catalog_tree *tree, const char *path)
{
    struct tree_catalog *found = NULL;
    size_t length = strlen(path);

    while (found == NULL) {
        found = apr_hash_get(tree->by_path, path, (apr_ssize_t)length);
        while (length > 0 && path[--length] != '/')
            ;
    }
    return found;
}

/* The next one down the path, or NULL. */
static bool find_next(struct tree_catalog **next, struct catalog_tree *tree,
                      struct tree_catalog *catalog, const char *path, struct error *error)
{
    size_t length = strlen(catalog->now.path);
    struct catalog_nested nested;
    bool found = false;

    *next = NULL;
    if (!tree_open(tree, catalog, error))
        return false;
    if (catalog_editor_counters(catalog->editor)->value[CATALOG_COUNT_NESTED] == 0)
        return true;
    while (!found && path[length] != '\0') {
        length += 1 + strcspn(path + length + 1, "/");
        if (!catalog_editor_find_nested(&nested, &found, catalog->editor,
                                        apr_pstrmemdup(tree->scratch, path, length),
                                        tree->scratch, error))
            return false;
    }
    return !found || add_nested(next, tree, catalog, &nested, error);
}

bool catalog_tree_find(struct tree_catalog **catalog, struct catalog_tree *tree,
                       const char *path, struct error *error)
{
    struct tree_catalog *next;
    bool ok = true;

    if (tree->last_directory != NULL && strcmp(tree->last_directory, path) == 0) {
        *catalog = tree->last_found;
        return true;
    }
    next = find_known(tree, path);
    while (ok && next != NULL) {
        *catalog = next;
        ok = find_next(&next, tree, *catalog, path, error);
    }
    apr_pool_clear(tree->scratch);
    tree->last_directory = NULL;
    if (ok) {
        tree->last_directory = apr_pstrdup(tree->scratch, path);
        tree->last_found = *catalog;
    }
    return ok;
}

const char *tree_catalog_path(const struct tree_catalog *catalog)
{
    return catalog->now.path;
}

struct tree_catalog *tree_catalog_parent(const struct tree_catalog *catalog)
{
    return catalog->now.parent;
}

bool tree_catalog_read(struct catalog_editor **editor, struct catalog_tree *tree,
                       struct tree_catalog *catalog, struct error *error)
{
    if (!tree_open(tree, catalog, error))
        return false;
    *editor = catalog->editor;
    return true;
}

bool tree_catalog_edit(struct catalog_editor **editor, struct catalog_tree *tree,
                       struct tree_catalog *catalog, struct error *error)
{
    if (!tree_open(tree, catalog, error))
        return false;
    tree_touch(tree, catalog);
    if (!catalog->is_being_changed && !catalog_editor_begin(catalog->editor, error))
        return false;
    catalog->is_being_changed = true;
    catalog->now.is_changed = true;
    *editor = catalog->editor;
    return true;
}

void catalog_tree_begin(struct catalog_tree *tree)
{
    apr_pool_clear(tree->change);
    tree->touched = apr_array_make(tree->change, 8, sizeof(struct tree_catalog *));
    tree->last_directory = NULL;
    tree->is_rearranged = false;
}

static bool end_one(struct catalog_tree *tree, struct tree_catalog *catalog, bool keep,
                    struct error *error)
{
    bool ok =
        !catalog->is_being_changed || catalog_editor_end(catalog->editor, keep, error);

    if (!keep)
        catalog->now = catalog->before;
    catalog->has_before = catalog->is_being_changed = false;
    if (catalog->now.is_gone && catalog->pool != NULL) {
        apr_pool_destroy(catalog->pool);
        catalog->pool = NULL;
        tree_closed(tree, catalog);
    }
    return ok;
}

bool catalog_tree_end(struct catalog_tree *tree, bool went_well, struct error *error)
{
    struct error reason;
    bool ended = true;

    for (int i = 0; i < tree->touched->nelts; i++)
        if (!end_one(tree, APR_ARRAY_IDX(tree->touched, i, struct tree_catalog *),
                     went_well, &reason))
            ended = break_tree(tree, &reason);
    tree->touched = NULL;
    if (tree->is_rearranged || !went_well)
        tree_index(tree);
    if (!ended && went_well && error != NULL)
        *error = reason;
    return ended && went_well;
}
