/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of directories, of attributes, and removing. */
#include "libreplica/publish/changes_internal.h"
#include "libreplica/publish/nesting.h"

#include <string.h>
#include <sys/stat.h>

/* As file systems have it; nobody reads it. */
#define DIRECTORY_SIZE 4096

#define ALL_ATTRIBUTES (CHANGE_MODE | CHANGE_OWNER | CHANGE_MTIME | CHANGE_XATTR)

static bool add_directory(struct changes *changes, const struct spot *spot,
                          const struct change_attributes *attributes, struct error *error)
{
    struct catalog_entry entry = change_entry(spot->path, S_IFDIR, attributes);
    struct catalog_editor *editor;
    bool ok;

    entry.size = DIRECTORY_SIZE;
    entry.symlink = text_of("");
    catalog_tree_begin(changes->tree);
    ok = tree_catalog_edit(&editor, changes->tree, spot->catalog, error) &&
         catalog_editor_add(editor, &entry, error) &&
         change_count_directory(changes, spot->directory, 1, error);
    return catalog_tree_end(changes->tree, ok, error);
}

bool changes_make_directory(struct changes *changes, const char *path,
                            const struct change_attributes *attributes,
                            struct error *error)
{
    struct spot spot;

    changes_start(changes);
    if (*path == '\0')
        return changes_set_attributes(changes, path, ALL_ATTRIBUTES, attributes, error);
    if (!change_path_check(path, error))
        return false;
    changes_enter_if_waiting(changes, path);
    if (!spot_find_for(&spot, changes, path, error))
        return false;
    if (spot_is_marker(&spot))
        return error_set(error, ERROR_USAGE,
                         "%.100s: the marker of a nested catalog is a regular file",
                         path);
    if (!spot.found) {
        nesting_note(changes->nesting, path);
        return add_directory(changes, &spot, attributes, error);
    }
    if (!(spot.entry.flags & CATALOG_DIRECTORY))
        return error_set(error, ERROR_EXISTS, "%.100s is no directory", path);
    return change_write_attributes(changes, &spot, ALL_ATTRIBUTES, attributes, error);
}

static bool find_there(struct spot *spot, struct changes *changes, const char *path,
                       struct error *error)
{
    changes_enter_if_waiting(changes, path);
    if (!spot_find(spot, changes, path, error))
        return false;
    return spot->found || error_set(error, ERROR_NOT_FOUND, "there is no '%.100s'", path);
}

bool changes_set_attributes(struct changes *changes, const char *path, unsigned int which,
                            const struct change_attributes *attributes,
                            struct error *error)
{
    struct spot spot;

    changes_start(changes);
    if ((*path != '\0' && !change_path_check(path, error)) ||
        !find_there(&spot, changes, path, error))
        return false;
    return change_write_attributes(changes, &spot, which, attributes, error);
}

static bool remove_file(struct changes *changes, const struct spot *spot,
                        struct error *error)
{
    return change_unlink(changes, spot, error) &&
           (!spot_is_marker(spot) || change_remove_catalog(changes, spot, error));
}

static bool remove_directory(struct changes *changes, const struct spot *spot,
                             struct error *error)
{
    struct catalog_editor *editor;

    return catalog_tree_forget(changes->tree, spot->catalog, spot->path, error) &&
           tree_catalog_edit(&editor, changes->tree, spot->catalog, error) &&
           catalog_editor_remove_tree(editor, spot->path, CATALOG_WITH_ROOT, error) &&
           change_count_directory(changes, spot->directory, -1, error);
}

bool changes_remove(struct changes *changes, const char *path, struct error *error)
{
    struct spot spot;
    bool ok;

    changes_start(changes);
    if (!change_path_check(path, error) || !find_there(&spot, changes, path, error))
        return false;
    /* What waits may be below it, and its place is sought again. */
    if (changes->count > 0 && spot.entry.flags & CATALOG_DIRECTORY) {
        changes_enter_waiting(changes);
        if (!find_there(&spot, changes, path, error))
            return false;
    }
    catalog_tree_begin(changes->tree);
    ok = spot.entry.flags & CATALOG_DIRECTORY ? remove_directory(changes, &spot, error)
                                              : remove_file(changes, &spot, error);
    return catalog_tree_end(changes->tree, ok, error);
}
