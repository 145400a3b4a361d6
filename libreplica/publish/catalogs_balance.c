/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic catalogs, while a directory is published: just before a catalog is stored. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_balance.h"
#include "libreplica/publish/balancing.h"
#include "libreplica/publish/catalogs_internal.h"

static apr_status_t release(void *content)
{
    content_release(content);
    return APR_SUCCESS;
}

/* The content of all markers. */
static bool make_empty(struct catalogs *catalogs, struct error *error)
{
    struct publication *publication = catalogs->publication;
    apr_pool_t *pool;
    bool ok;
    int fd;

    if (catalogs->empty != NULL)
        return true;
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open /dev/null");
    catalogs->empty = content_create(CATALOG_MARKER, fd, 0, 1);
    apr_pool_cleanup_register(catalogs->pool, catalogs->empty, release,
                              apr_pool_cleanup_null);
    apr_pool_create(&pool, catalogs->pool);
    ok = content_make(content_maker_create(publication->target, publication->store,
                                           publication->stop, pool),
                      catalogs->empty, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

/* They look like the directory, so that the same content is the same catalog. */
static bool add_marker(struct catalogs *catalogs, const struct catalog_entry *directory,
                       const char *name, apr_pool_t *pool, struct error *error)
{
    struct open_catalog *catalog = catalogs->innermost;
    struct row row = {
        .path = apr_pstrcat(pool, catalog->mountpoint, "/", name, NULL),
        .mode = S_IFREG | AUTOMATIC_MARKER_MODE,
        .uid = directory->uid,
        .gid = directory->gid,
        .mtime_seconds = directory->mtime_seconds,
        .content = catalogs->empty,
    };
    struct catalog_entry entry;
    bool found;

    return catalog_editor_find(&entry, &found, catalog->editor, row.path, pool, error) &&
           (found || catalogs_add(catalogs, &row, error));
}

static bool add_markers(struct catalogs *catalogs, const char *path, apr_pool_t *pool,
                        struct error *error)
{
    struct catalog_entry directory;
    bool found;

    return make_empty(catalogs, error) &&
           catalog_editor_find(&directory, &found, catalogs->innermost->editor, path,
                               pool, error) &&
           add_marker(catalogs, &directory, CATALOG_MARKER, pool, error) &&
           add_marker(catalogs, &directory, CATALOG_AUTOMATIC_MARKER, pool, error);
}

/* The rows of catalogs at PATH and below it go from one table to another, and what they
 * amount to with them. */
static bool hand_over(struct catalogs *catalogs, struct open_catalog *to,
                      struct open_catalog *from, const char *path, apr_pool_t *pool,
                      struct error *error)
{
    apr_array_header_t *rows;

    if (!catalog_editor_list_nested(&rows, from->editor, path, pool, error))
        return false;
    for (int i = 0; i < rows->nelts; i++) {
        const struct catalog_nested *row = &APR_ARRAY_IDX(rows, i, struct catalog_nested);
        const struct catalog_counters *counters =
            apr_hash_get(from->nested, row->path, APR_HASH_KEY_STRING);

        if (!catalog_editor_remove_nested(from->editor, row->path, error) ||
            !catalog_editor_add_nested(to->editor, row, error))
            return false;
        catalogs_count_nested(catalogs, to, row->path, counters);
        catalog_counters_subtract(&from->below, counters);
        apr_hash_set(from->nested, row->path, APR_HASH_KEY_STRING, NULL);
    }
    return true;
}

/* Whether something that is no file has the marker's name. */
static bool lacks_room(bool *lacks, struct open_catalog *catalog, const char *path,
                       apr_pool_t *pool, struct error *error)
{
    struct catalog_entry entry;

    return catalog_editor_find(&entry, lacks, catalog->editor,
                               apr_pstrcat(pool, path, "/" CATALOG_MARKER, NULL), pool,
                               error);
}

static bool divide_at(struct catalogs *catalogs, const char *path, apr_pool_t *pool,
                      struct error *error)
{
    struct open_catalog *from = catalogs->innermost, *to;
    bool skips;

    if (!publication_continues(catalogs->publication, error) ||
        !lacks_room(&skips, from, path, pool, error))
        return false;
    if (skips)
        return true;
    return catalogs_begin(&to, catalogs, path, error) &&
           catalog_editor_move_out(to->editor, from->editor, path, error) &&
           hand_over(catalogs, to, from, path, pool, error) &&
           catalog_editor_number_groups(&to->groups, to->editor, error) &&
           add_markers(catalogs, path, pool, error) &&
           catalogs_finish(catalogs, NULL, error);
}

static bool divide(struct catalogs *catalogs, apr_pool_t *pool, struct error *error)
{
    struct open_catalog *catalog = catalogs->innermost;
    apr_array_header_t *paths;

    if (!balancing_plan(&paths, catalogs->publication->target, catalog->editor,
                        catalog->mountpoint, pool, error))
        return false;
    for (int i = 0; i < paths->nelts; i++)
        if (!divide_at(catalogs, APR_ARRAY_IDX(paths, i, const char *), pool, error))
            return false;
    return paths->nelts == 0 ||
           catalog_editor_number_groups(&catalog->groups, catalog->editor, error);
}

static bool remove_marker(struct open_catalog *catalog, const char *name,
                          apr_pool_t *pool, struct error *error)
{
    const char *path = apr_pstrcat(pool, catalog->mountpoint, "/", name, NULL);
    struct catalog_entry entry;
    bool found;

    return catalog_editor_find(&entry, &found, catalog->editor, path, pool, error) &&
           (!found || (catalog_editor_leave_group(catalog->editor, &entry, error) &&
                       catalog_editor_remove_tree(catalog->editor, path,
                                                  CATALOG_WITH_ROOT, error)));
}

/* Its groups of hard links follow those of its parent, as if they had been there from the
 * beginning. */
static bool give_up(struct catalogs *catalogs, apr_pool_t *pool, struct error *error)
{
    struct open_catalog *catalog = catalogs->innermost, *parent = catalog->parent;
    const char *path = catalog->mountpoint;

    if (!remove_marker(catalog, CATALOG_MARKER, pool, error) ||
        !remove_marker(catalog, CATALOG_AUTOMATIC_MARKER, pool, error) ||
        !catalog_editor_number_groups(&catalog->groups, catalog->editor, error) ||
        !hand_over(catalogs, parent, catalog, path, pool, error) ||
        !catalog_editor_take_in(parent->editor, catalog->editor, path, error))
        return false;
    parent->groups += catalog->groups;
    catalogs->innermost = parent;
    apr_pool_destroy(catalog->pool);
    return true;
}

static bool balance(bool *gone, struct catalogs *catalogs, apr_pool_t *pool,
                    struct error *error)
{
    struct open_catalog *catalog = catalogs->innermost;

    if (!divide(catalogs, pool, error) ||
        !balancing_gives_up(gone, catalogs->publication->target, catalog->editor,
                            catalog->mountpoint, pool, error))
        return false;
    *gone = *gone && !catalog->is_ruled;
    return !*gone || give_up(catalogs, pool, error);
}

bool catalogs_balance(bool *gone, struct catalogs *catalogs, struct error *error)
{
    apr_pool_t *pool;
    bool ok;

    *gone = false;
    if (!catalogs->publication->target->balances_catalogs)
        return true;
    apr_pool_create(&pool, catalogs->pool);
    ok = balance(gone, catalogs, pool, error);
    apr_pool_destroy(pool);
    return ok;
}
