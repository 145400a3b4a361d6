/* SPDX-License-Identifier: Apache-2.0 */
/* Applying whiteouts of container images. */
#include "libreplica/publish/whiteout.h"

#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define PREFIX "/.wh."
#define OPAQUE ".wh..opq"
#define OTHER  ".wh."

bool whiteout_is_one(const char *path)
{
    return strstr(path, PREFIX) != NULL;
}

static bool remember(void *names, const struct catalog_entry *entry, struct error *error)
{
    apr_array_header_t *all = names;

    APR_ARRAY_PUSH(all, const char *) =
        apr_pstrmemdup(all->pool, entry->name.bytes, entry->name.length);
    return true;
}

/* Whether there is a directory, and not another thing or nothing. */
static bool empty_directory(struct changes *changes, const char *path, apr_pool_t *pool,
                            struct error *error)
{
    apr_array_header_t *names = apr_array_make(pool, 16, sizeof(const char *));
    bool is;

    if (!changes_has_directory(&is, changes, path, error))
        return false;
    if (is && !changes_list(changes, path, remember, names, error))
        return false;
    for (int i = 0; i < names->nelts; i++)
        if (!changes_remove(
                changes,
                apr_pstrcat(pool, path, "/", APR_ARRAY_IDX(names, i, const char *), NULL),
                error))
            return false;
    return true;
}

bool whiteout_apply(struct changes *changes, const char *path, apr_pool_t *pool,
                    struct error *error)
{
    const char *mark = strstr(path, PREFIX), *name = mark + strlen(PREFIX), *removed;
    const char *folder = apr_pstrmemdup(pool, path, (size_t)(mark - path));
    struct catalog_entry entry;
    bool found;

    if (strchr(name, '/') != NULL || *name == '\0')
        return true;
    if (strcmp(name, OPAQUE) == 0)
        return empty_directory(changes, folder, pool, error);
    if (strncmp(name, OTHER, strlen(OTHER)) == 0)
        return true;
    removed = apr_pstrcat(pool, folder, "/", name, NULL);
    return changes_lookup(changes, &found, &entry, removed, error) &&
           (!found || changes_remove(changes, removed, error));
}
