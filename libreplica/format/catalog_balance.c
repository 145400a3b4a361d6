/* SPDX-License-Identifier: Apache-2.0 */
/* Weighing the directories of a catalog, and choosing those that are too heavy. */
#include "libreplica/format/catalog_balance.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_editor.h"
#include "libreplica/format/catalog_internal.h"

struct scales {
    struct catalog *catalog;
    int64_t target, minimum;
    apr_array_header_t *paths;
    /* One for each level: that of a directory is in use while what is in it is weighed.
     */
    sqlite3_stmt *children[CATALOG_DEPTH_MAX + 1];
    apr_pool_t *pool;
};

/* A directory that may become a catalog. */
struct heavy {
    const char *name;
    int64_t weight;
};

struct folder {
    const char *path;
    struct path_hash hash;
    int depth; /* below the catalog's root */
    int64_t weight;
    apr_array_header_t *heavy; /* of struct heavy; NULL: there is none */
    apr_pool_t *pool;
};

/* A root may be its own parent. */
static sqlite3_stmt *begin_children(struct scales *scales, const struct folder *folder,
                                    struct error *error)
{
    sqlite3_stmt **kept = &scales->children[folder->depth];

    if (*kept == NULL &&
        !database_prepare(kept, scales->catalog->database,
                          "SELECT flags, md5path_1, md5path_2, name FROM catalog"
                          " WHERE parent_1 = ?1 AND parent_2 = ?2"
                          " AND NOT (md5path_1 = ?1 AND md5path_2 = ?2)",
                          scales->pool, error))
        return NULL;
    sqlite3_reset(*kept);
    sqlite3_bind_int64(*kept, 1, folder->hash.first);
    sqlite3_bind_int64(*kept, 2, folder->hash.second);
    return *kept;
}

static bool weigh(struct scales *scales, struct folder *folder, struct error *error);

static bool weigh_directory(struct scales *scales, struct folder *parent,
                            sqlite3_stmt *row, struct error *error)
{
    struct folder folder = {.depth = parent->depth + 1};
    struct text name;
    bool ok;

    if (folder.depth > CATALOG_DEPTH_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "directories are nested more than %d deep, at %.100s...",
                         CATALOG_DEPTH_MAX, parent->path);
    if (!database_column_text(&name, scales->catalog->database, row, 3, error))
        return false;
    apr_pool_create(&folder.pool, parent->pool);
    folder.path =
        apr_psprintf(folder.pool, "%s/%.*s", parent->path, (int)name.length, name.bytes);
    folder.hash.first = sqlite3_column_int64(row, 1);
    folder.hash.second = sqlite3_column_int64(row, 2);
    ok = weigh(scales, &folder, error);
    parent->weight += folder.weight;
    /* A catalog for a single entry would make nothing lighter. */
    if (ok && folder.weight > 1 && folder.weight >= scales->minimum) {
        if (parent->heavy == NULL)
            parent->heavy = apr_array_make(parent->pool, 8, sizeof(struct heavy));
        APR_ARRAY_PUSH(parent->heavy, struct heavy) = (struct heavy){
            apr_pstrdup(parent->pool, strrchr(folder.path, '/') + 1), folder.weight};
    }
    apr_pool_destroy(folder.pool);
    return ok;
}

static int compare_weights(const void *a, const void *b)
{
    const struct heavy *first = a, *second = b;

    if (first->weight != second->weight)
        return first->weight < second->weight ? 1 : -1;
    return strcmp(first->name, second->name);
}

/* Take the heaviest out until what is left is light enough. */
static void relieve(struct scales *scales, struct folder *folder)
{
    struct heavy *heavy;

    if (folder->weight <= scales->target || folder->heavy == NULL)
        return;
    heavy = (struct heavy *)folder->heavy->elts;
    qsort(heavy, (size_t)folder->heavy->nelts, sizeof(*heavy), compare_weights);
    for (int i = 0; i < folder->heavy->nelts && folder->weight > scales->target; i++) {
        APR_ARRAY_PUSH(scales->paths, const char *) =
            apr_pstrcat(scales->paths->pool, folder->path, "/", heavy[i].name, NULL);
        folder->weight -= heavy[i].weight - 1;
    }
}

static bool weigh(struct scales *scales, struct folder *folder, struct error *error)
{
    const int64_t elsewhere = CATALOG_MOUNTPOINT | CATALOG_BIND_MOUNTPOINT;
    sqlite3_stmt *row = begin_children(scales, folder, error);
    bool more, ok = row != NULL;

    folder->weight = 1;
    while (ok && (ok = database_step(scales->catalog->database, row, &more, error)) &&
           more) {
        int64_t flags = sqlite3_column_int64(row, 0);

        if (flags & CATALOG_DIRECTORY && !(flags & elsewhere))
            ok = weigh_directory(scales, folder, row, error);
        else
            folder->weight++;
    }
    if (ok)
        relieve(scales, folder);
    return ok;
}

bool catalog_plan_balance(apr_array_header_t **paths, struct catalog *catalog,
                          const char *prefix, int64_t target, int64_t minimum,
                          apr_pool_t *pool, struct error *error)
{
    struct scales scales = {catalog, target, minimum,
                            apr_array_make(pool, 8, sizeof(const char *))};
    struct folder root = {.path = prefix, .hash = path_hash_of(text_of(prefix))};
    bool ok;

    apr_pool_create(&scales.pool, pool);
    apr_pool_create(&root.pool, scales.pool);
    ok = weigh(&scales, &root, error);
    apr_pool_destroy(scales.pool);
    *paths = scales.paths;
    return ok;
}
