/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in the present revision of a tree. */
#include "libreplica/store/tree_view.h"

#include <string.h>
#include <unistd.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "libreplica/format/manifest.h"
#include "libreplica/store/file.h"
#include "libreplica/store/store_uploads.h"

/* The largest catalog that is looked at, inflated. */
#define CATALOG_MAX ((int64_t)16 << 30)

struct tree_view {
    struct store *store;
    struct hash root;
    apr_hash_t *catalogs; /* struct viewed *, by the path of their roots */
    apr_pool_t *pool;
};

struct viewed {
    struct catalog *catalog;
    apr_hash_t *nested; /* struct hash *, by path */
};

static bool read_nested(struct viewed *viewed, apr_pool_t *pool, struct error *error)
{
    struct catalog_nested nested;
    bool more;

    viewed->nested = apr_hash_make(pool);
    while (catalog_next_nested(viewed->catalog, &nested, &more, error)) {
        if (!more)
            return true;
        apr_hash_set(viewed->nested, apr_pstrdup(pool, nested.path), APR_HASH_KEY_STRING,
                     apr_pmemdup(pool, &nested.hash, sizeof(nested.hash)));
    }
    return false;
}

/* In a file that no writer takes for a left-over of its own. */
static bool inflate_catalog(struct catalog **catalog, struct tree_view *view,
                            const struct hash *hash, struct error *error)
{
    const char *path = store_upload_scratch(view->store, view->pool);
    struct object object = {*hash, OBJECT_CATALOG};
    int64_t size;
    bool ok;
    int fd;

    if (!store_open_object(&fd, view->store, &object, error))
        return false;
    ok = file_inflate(&size, path, fd, CATALOG_MAX, error);
    close(fd);
    ok = ok && catalog_open(catalog, path, view->pool, error);
    /* It is open: nobody has to find it again. */
    unlink(path);
    return ok;
}

static bool open_catalog(struct viewed **viewed, struct tree_view *view, const char *path,
                         const struct hash *hash, struct error *error)
{
    struct viewed *opened = apr_pcalloc(view->pool, sizeof(*opened));

    if (!inflate_catalog(&opened->catalog, view, hash, error)) {
        /* The path that was asked for may well be there. */
        if (error->code == ERROR_NOT_FOUND)
            error->code = ERROR_IO;
        error_prefix(error, "catalog of '%.100s'", path);
        return false;
    }
    if (!read_nested(opened, view->pool, error))
        return false;
    apr_hash_set(view->catalogs, apr_pstrdup(view->pool, path), APR_HASH_KEY_STRING,
                 opened);
    *viewed = opened;
    return true;
}

static bool read_root(struct hash *root, struct store *store, apr_pool_t *pool,
                      struct error *error)
{
    struct manifest *manifest;
    struct text text;

    if (!store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, error) ||
        !manifest_parse(&manifest, text, pool, error))
        return false;
    *root = manifest->catalog;
    return true;
}

bool tree_view_is_current(const struct tree_view *view, bool *is_current,
                          apr_pool_t *pool, struct error *error)
{
    struct hash root;

    if (!read_root(&root, view->store, pool, error))
        return false;
    *is_current = hash_equals(&root, &view->root);
    return true;
}

bool tree_view_open(struct tree_view **view, struct store *store, apr_pool_t *pool,
                    struct error *error)
{
    struct tree_view *opened = apr_pcalloc(pool, sizeof(*opened));
    struct viewed *root;

    opened->store = store;
    opened->catalogs = apr_hash_make(pool);
    opened->pool = pool;
    if (!read_root(&opened->root, store, pool, error) ||
        !open_catalog(&root, opened, "", &opened->root, error))
        return false;
    *view = opened;
    return true;
}

/* The catalog of what is in the directory PATH, if there is one: the innermost nested one
 * at it or above it. */
static bool find_catalog(struct viewed **viewed, struct tree_view *view, const char *path,
                         struct error *error)
{
    struct viewed *inner = apr_hash_get(view->catalogs, "", APR_HASH_KEY_STRING), *next;
    size_t length = strlen(path);

    for (size_t end = 1; end <= length; end++) {
        const struct hash *hash;

        if (end < length && path[end] != '/')
            continue;
        hash = apr_hash_get(inner->nested, path, (apr_ssize_t)end);
        if (hash == NULL)
            continue;
        next = apr_hash_get(view->catalogs, path, (apr_ssize_t)end);
        if (next == NULL &&
            !open_catalog(&next, view, apr_pstrmemdup(view->pool, path, end), hash,
                          error))
            return false;
        inner = next;
    }
    *viewed = inner;
    return true;
}

bool tree_view_find(struct tree_view *view, bool *found, struct catalog_entry *entry,
                    const char *path, struct error *error)
{
    struct viewed *viewed;

    return find_catalog(&viewed, view, path, error) &&
           catalog_lookup(viewed->catalog, path, entry, found, error);
}

bool tree_view_list(struct tree_view *view, const char *path, catalog_visit_entry *visit,
                    void *baton, struct error *error)
{
    struct viewed *viewed;

    return find_catalog(&viewed, view, path, error) &&
           catalog_list(viewed->catalog, path, visit, baton, error);
}

bool tree_view_chunks(struct tree_view *view, const char *path,
                      catalog_visit_chunk *visit, void *baton, struct error *error)
{
    struct viewed *viewed;

    return find_catalog(&viewed, view, path, error) &&
           catalog_chunks(viewed->catalog, path, visit, baton, error);
}
