/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of changes: which are good, and what is there. */
#include "libreplica/publish/changes_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#define NAME_MAX_BYTES 255
#define GRAFT          ".cvmfsgraft-"
#define RESERVED       "/.cvmfs"

static bool refuse(const char *path, const char *reason, struct error *error)
{
    return error_set(error, ERROR_USAGE, "'%.100s' %s", path, reason);
}

bool change_path_is_clean(const char *path, struct error *error)
{
    int depth = 0;

    for (const char *at = path; *at != '\0'; depth++) {
        size_t length;

        if (*at++ != '/')
            return refuse(path, "is not an absolute path within the repository", error);
        length = strcspn(at, "/");
        if (length == 0 || (length == 1 && at[0] == '.') ||
            (length == 2 && at[0] == '.' && at[1] == '.'))
            return refuse(path, "has a component that is empty, '.' or '..'", error);
        if (length > NAME_MAX_BYTES)
            return refuse(path, "has a component of more than 255 bytes", error);
        at += length;
    }
    return depth <= CATALOG_DEPTH_MAX ||
           error_set(error, ERROR_TOO_LARGE, "directories are nested more than %d deep",
                     CATALOG_DEPTH_MAX);
}

bool change_path_check(const char *path, struct error *error)
{
    size_t reserved = strlen(RESERVED);

    if (!change_path_is_clean(path, error))
        return false;
    if (*path == '\0')
        return refuse("/", "is the root, which can only get other attributes", error);
    if (strncmp(path, RESERVED, reserved) == 0 && strchr("/", path[reserved]) != NULL)
        return refuse(path, "is reserved for the virtual directory", error);
    if (strcmp(path, "/" CATALOG_MARKER) == 0)
        return refuse(path, "is in the root, which is a catalog's root anyway", error);
    if (strncmp(strrchr(path, '/') + 1, GRAFT, strlen(GRAFT)) == 0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "%.100s describes data that are elsewhere; such files cannot be "
                         "published yet",
                         path);
    return true;
}

bool entry_is_regular(const struct catalog_entry *entry)
{
    return S_ISREG(entry->mode);
}

bool spot_is_marker(const struct spot *spot)
{
    return strcmp(spot->path + strlen(spot->directory), "/" CATALOG_MARKER) == 0;
}

bool spot_find(struct spot *spot, struct changes *changes, const char *path,
               struct error *error)
{
    const char *slash = strrchr(path, '/');
    struct catalog_editor *editor;

    spot->path = path;
    spot->directory = "";
    if (slash != NULL)
        spot->directory = apr_pstrmemdup(changes->scratch, path, (size_t)(slash - path));
    return catalog_tree_find(&spot->catalog, changes->tree, spot->directory, error) &&
           tree_catalog_read(&editor, changes->tree, spot->catalog, error) &&
           catalog_editor_find(&spot->entry, &spot->found, editor, path, changes->scratch,
                               error);
}

bool spot_find_for(struct spot *spot, struct changes *changes, const char *path,
                   struct error *error)
{
    struct catalog_editor *editor;
    struct catalog_entry parent;
    bool found;

    if (!change_path_check(path, error) || !spot_find(spot, changes, path, error))
        return false;
    if (spot->found)
        return true;
    if (!tree_catalog_read(&editor, changes->tree, spot->catalog, error) ||
        !catalog_editor_find(&parent, &found, editor, spot->directory, changes->scratch,
                             error))
        return false;
    return (found && parent.flags & CATALOG_DIRECTORY &&
            !(parent.flags & CATALOG_BIND_MOUNTPOINT)) ||
           error_set(error, ERROR_NOT_FOUND, "there is no directory '%.100s/'",
                     spot->directory);
}

/* In one buffer: a name in an archive may have a million bytes. */
const char *change_path_below(const char *base, const char *name, apr_pool_t *pool)
{
    size_t start = strlen(base);
    char *path = apr_palloc(pool, start + strlen(name) + 2), *end = path + start;

    memcpy(path, base, start + 1);
    while (*name != '\0') {
        size_t length = strcspn(name, "/");

        if (length > 0 && !(length == 1 && *name == '.')) {
            *end++ = '/';
            memcpy(end, name, length);
            end += length;
        }
        name += length + (name[length] == '/');
    }
    *end = '\0';
    return path;
}
