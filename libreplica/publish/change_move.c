/* SPDX-License-Identifier: Apache-2.0 */
/* Moving: rows, what is below them, and nested catalogs. */
#include "libreplica/publish/changes_internal.h"
#include "libreplica/publish/nesting.h"

#include <string.h>

static bool is_directory(const struct spot *spot)
{
    return (spot->entry.flags & CATALOG_DIRECTORY) != 0;
}

static bool note_entry(void *baton, const struct catalog_entry *entry,
                       struct error *error)
{
    *(bool *)baton = true;
    return false;
}

/* A nested catalog has its marker at least. */
static bool is_empty(bool *empty, struct changes *changes, const struct spot *spot,
                     struct error *error)
{
    struct catalog_editor *editor;
    struct error reason;
    bool has_entry = false;

    *empty = false;
    if (spot->entry.flags & CATALOG_MOUNTPOINT)
        return true;
    if (!tree_catalog_read(&editor, changes->tree, spot->catalog, error))
        return false;
    if (!catalog_list(catalog_editor_catalog(editor), spot->path, note_entry, &has_entry,
                      &reason) &&
        !has_entry) {
        if (error != NULL)
            *error = reason;
        return false;
    }
    *empty = !has_entry;
    return true;
}

/* Whether the two are names of one file, or one name. */
static bool is_same(const struct spot *to, const struct spot *from)
{
    return strcmp(to->path, from->path) == 0 ||
           (to->found && to->catalog == from->catalog && !is_directory(to) &&
            to->entry.hardlinks >> 32 != 0 &&
            to->entry.hardlinks == from->entry.hardlinks &&
            strcmp(to->directory, from->directory) == 0);
}

/* Whether TO may be what FROM becomes. */
static bool check_replacing(struct changes *changes, const struct spot *to,
                            const struct spot *from, struct error *error)
{
    bool empty;

    if (is_directory(to) != is_directory(from))
        return error_set(error, ERROR_EXISTS, "%.100s is %s directory", to->path,
                         is_directory(to) ? "a" : "no");
    if (!is_directory(to))
        return true;
    if (!is_empty(&empty, changes, to, error))
        return false;
    return empty || error_set(error, ERROR_EXISTS, "%.100s/ is not empty", to->path);
}

static bool check(struct changes *changes, const struct spot *to, const struct spot *from,
                  struct error *error)
{
    size_t length = strlen(from->path);

    if (!from->found)
        return error_set(error, ERROR_NOT_FOUND, "there is no %.100s", from->path);
    if (strncmp(to->path, from->path, length) == 0 && to->path[length] == '/')
        return error_set(error, is_directory(from) ? ERROR_USAGE : ERROR_NOT_FOUND,
                         "%.100s cannot be moved below itself", from->path);
    if (spot_is_marker(to) && !entry_is_regular(&from->entry))
        return error_set(error, ERROR_USAGE,
                         "%.100s: the marker of a nested catalog is a regular file",
                         to->path);
    return !to->found || check_replacing(changes, to, from, error);
}

static bool remove_replaced(struct changes *changes, const struct spot *to,
                            struct error *error)
{
    if (!to->found)
        return true;
    return change_unlink(changes, to, error) &&
           (!is_directory(to) ||
            change_count_directory(changes, to->directory, -1, error));
}

/* Hard links are kept within a directory only. */
static bool leave_group(struct changes *changes, const struct spot *to,
                        const struct spot *from, struct error *error)
{
    struct catalog_editor *editor;

    if (strcmp(to->directory, from->directory) == 0)
        return true;
    return tree_catalog_edit(&editor, changes->tree, from->catalog, error) &&
           catalog_editor_leave_group(editor, &from->entry, error);
}

static bool move_rows(struct changes *changes, const struct spot *to,
                      const struct spot *from, struct error *error)
{
    struct catalog_editor *source, *destination;

    if (!tree_catalog_edit(&source, changes->tree, from->catalog, error) ||
        !tree_catalog_edit(&destination, changes->tree, to->catalog, error))
        return false;
    if (source == destination)
        return catalog_editor_rename_tree(source, to->path, from->path, error);
    return catalog_editor_copy_tree(destination, source, to->path, from->path,
                                    CATALOG_WITH_ROOT, error) &&
           catalog_editor_remove_tree(source, from->path, CATALOG_WITH_ROOT, error);
}

static bool move_directory(struct changes *changes, const struct spot *to,
                           const struct spot *from, struct error *error)
{
    if (!is_directory(from))
        return true;
    return catalog_tree_move(changes->tree, to->catalog, from->catalog, to->path,
                             from->path, error) &&
           (strcmp(to->directory, from->directory) == 0 ||
            (change_count_directory(changes, from->directory, -1, error) &&
             change_count_directory(changes, to->directory, 1, error)));
}

/* Markers that came or went change the shape of the tree last. */
static bool move_marker(struct changes *changes, const struct spot *to,
                        const struct spot *from, struct error *error)
{
    return (!spot_is_marker(from) || change_remove_catalog(changes, from, error)) &&
           (!spot_is_marker(to) || change_add_catalog(changes, to, error));
}

static bool move(struct changes *changes, const struct spot *to, const struct spot *from,
                 struct error *error)
{
    return remove_replaced(changes, to, error) && leave_group(changes, to, from, error) &&
           move_rows(changes, to, from, error) &&
           move_directory(changes, to, from, error) &&
           move_marker(changes, to, from, error);
}

bool changes_move(struct changes *changes, const char *from_path, const char *to_path,
                  struct error *error)
{
    struct spot from, to;
    bool ok;

    changes_start(changes);
    changes_enter_waiting(changes);
    if (!change_path_check(from_path, error) ||
        !spot_find_for(&to, changes, to_path, error) ||
        !spot_find(&from, changes, from_path, error))
        return false;
    if (from.found && is_same(&to, &from))
        return true;
    if (!check(changes, &to, &from, error))
        return false;
    if (is_directory(&from))
        nesting_note_tree(changes->nesting, to_path);
    catalog_tree_begin(changes->tree);
    ok = move(changes, &to, &from, error);
    return catalog_tree_end(changes->tree, ok, error);
}
