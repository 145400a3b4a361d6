/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one revision of a repository from its store. */
#include "libreplica/operate/revision_tree.h"

#include <string.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "libreplica/format/manifest.h"
#include "libreplica/store/stored_catalog.h"

struct level {
    apr_pool_t *pool;
    struct catalog *catalog;
    apr_array_header_t *nested; /* of struct catalog_nested, by path */
    apr_hash_t *by_path;        /* of struct hash * */
    struct level *above;
};

struct revision_tree {
    struct store *store;
    int64_t limit;
    apr_pool_t *pool;
    struct level *level; /* the catalog that was entered last */
};

static bool read_manifest(struct manifest **manifest, struct store *store,
                          const struct repository *repository, apr_pool_t *pool,
                          struct error *error)
{
    struct text text;

    if (store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, error) &&
        manifest_parse(manifest, text, pool, error))
        return true;
    error_prefix(error, "manifest of %s", repository->local_name);
    return false;
}

bool revision_find_head(struct tag *revision, struct store *store,
                        const struct repository *repository, apr_pool_t *pool,
                        struct error *error)
{
    struct manifest *manifest;

    if (!read_manifest(&manifest, store, repository, pool, error))
        return false;
    *revision = (struct tag){.catalog = manifest->catalog,
                             .catalog_size = manifest->catalog_size,
                             .revision = manifest->revision};
    return true;
}

static bool read_tags(apr_array_header_t **tags, struct store *store,
                      const struct repository *repository, apr_pool_t *pool,
                      struct error *error)
{
    struct object object = {.type = OBJECT_HISTORY};
    struct manifest *manifest;
    struct hash previous;
    const char *path, *fqrn;
    bool found;

    if (!read_manifest(&manifest, store, repository, pool, error))
        return false;
    *tags = apr_array_make(pool, 0, sizeof(struct tag));
    object.hash = manifest->history;
    if (hash_is_null(&object.hash))
        return true;
    if (!stored_object_inflate(
            &path, &found, store, &object,
            settings_number(repository->settings, SETTING_MAX_CATALOG_BYTES), pool,
            error))
        return false;
    if (!found)
        return error_set(error, ERROR_NOT_FOUND, "the tag database of %s is missing",
                         repository->local_name);
    return history_read(&fqrn, &previous, tags, path, pool, error);
}

/* What the catalog says of itself. */
static bool describe_root(struct tag *revision, struct store *store,
                          const struct repository *repository, const char *name,
                          apr_pool_t *pool, struct error *error)
{
    int64_t limit = settings_number(repository->settings, SETTING_MAX_CATALOG_BYTES);
    const struct catalog_properties *properties;
    struct revision_tree *tree;

    *revision = (struct tag){.name = name, .branch = "", .description = ""};
    if (!hash_parse(&revision->catalog, text_of(name + 1)))
        return error_set(error, ERROR_USAGE, "'%s' is no hash of a root catalog",
                         text_for_people(text_of(name + 1), 80, pool));
    if (!revision_tree_open(&tree, store, &revision->catalog, limit, pool, error))
        return false;
    properties = catalog_properties(revision_tree_catalog(tree));
    if (*properties->root_prefix != '\0')
        return error_set(error, ERROR_USAGE, "%s is a nested catalog, no revision", name);
    revision->revision = properties->revision;
    revision->timestamp_seconds = properties->last_modified_seconds;
    return true;
}

bool revision_find(struct tag *revision, struct store *store,
                   const struct repository *repository, const char *name,
                   apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *tags;

    if (*name == '@')
        return describe_root(revision, store, repository, name, pool, error);
    if (!read_tags(&tags, store, repository, pool, error))
        return false;
    for (int i = 0; i < tags->nelts; i++) {
        *revision = APR_ARRAY_IDX(tags, i, struct tag);
        if (strcmp(revision->name, name) == 0)
            return true;
    }
    return error_set(error, ERROR_NOT_FOUND, "there is no tag '%s' in %s",
                     text_for_people(text_of(name), 80, pool), repository->local_name);
}

static bool read_nested(struct level *level, struct error *error)
{
    bool more = true;

    level->nested = apr_array_make(level->pool, 4, sizeof(struct catalog_nested));
    level->by_path = apr_hash_make(level->pool);
    while (more) {
        struct catalog_nested nested;
        struct hash *hash;

        if (!catalog_next_nested(level->catalog, &nested, &more, error))
            return false;
        if (!more)
            break;
        nested.path = apr_pstrdup(level->pool, nested.path);
        APR_ARRAY_PUSH(level->nested, struct catalog_nested) = nested;
        hash = apr_pmemdup(level->pool, &nested.hash, sizeof(nested.hash));
        apr_hash_set(level->by_path, nested.path, APR_HASH_KEY_STRING, hash);
    }
    return true;
}

static bool push(struct revision_tree *tree, const struct hash *hash, const char *path,
                 struct error *error)
{
    struct level *level;
    apr_pool_t *pool;
    bool found;

    apr_pool_create(&pool, tree->pool);
    level = apr_pcalloc(pool, sizeof(*level));
    level->pool = pool;
    level->above = tree->level;
    if (stored_catalog_open(&level->catalog, &found, tree->store, hash, tree->limit, pool,
                            error) &&
        (found || error_set(error, ERROR_NOT_FOUND, "it is missing")) &&
        read_nested(level, error)) {
        tree->level = level;
        return true;
    }
    apr_pool_destroy(pool);
    error_prefix(error, "the catalog at '%.100s/'", path);
    return false;
}

bool revision_tree_open(struct revision_tree **tree, struct store *store,
                        const struct hash *root, int64_t limit, apr_pool_t *pool,
                        struct error *error)
{
    struct revision_tree *opened = apr_pcalloc(pool, sizeof(*opened));

    *opened = (struct revision_tree){store, limit, pool, NULL};
    *tree = opened;
    return push(opened, root, "", error);
}

bool revision_tree_enter(struct revision_tree *tree, const char *path,
                         struct error *error)
{
    const struct hash *hash = revision_tree_nested(tree, path);

    if (hash == NULL)
        return error_set(error, ERROR_BAD_FORMAT, "no nested catalog belongs to '%.100s'",
                         path);
    return push(tree, hash, path, error);
}

void revision_tree_leave(struct revision_tree *tree)
{
    struct level *level = tree->level;

    tree->level = level->above;
    apr_pool_destroy(level->pool);
}

const struct hash *revision_tree_nested(const struct revision_tree *tree,
                                        const char *path)
{
    return apr_hash_get(tree->level->by_path, path, APR_HASH_KEY_STRING);
}

const apr_array_header_t *revision_tree_all_nested(const struct revision_tree *tree)
{
    return tree->level->nested;
}

struct catalog *revision_tree_catalog(const struct revision_tree *tree)
{
    return tree->level->catalog;
}

static struct text copy_text(struct text text, apr_pool_t *pool)
{
    return (struct text){apr_pmemdup(pool, text.bytes, text.length), text.length};
}

static bool take_entry(void *baton, const struct catalog_entry *entry,
                       struct error *error)
{
    apr_array_header_t *entries = baton;
    struct catalog_entry *copy = &APR_ARRAY_PUSH(entries, struct catalog_entry);

    *copy = *entry;
    copy->name = copy_text(entry->name, entries->pool);
    copy->symlink = copy_text(entry->symlink, entries->pool);
    copy->xattr = copy_text(entry->xattr, entries->pool);
    return true;
}

bool revision_tree_list(apr_array_header_t **entries, const struct revision_tree *tree,
                        const char *path, apr_pool_t *pool, struct error *error)
{
    *entries = apr_array_make(pool, 16, sizeof(struct catalog_entry));
    return catalog_list(tree->level->catalog, path, take_entry, *entries, error);
}
