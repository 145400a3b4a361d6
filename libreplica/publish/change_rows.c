/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of changes, and what else changes with them. */
#include "libreplica/publish/changes_internal.h"

#include <string.h>
#include <sys/stat.h>

#include "libreplica/publish/entry.h"
#include "libreplica/publish/nesting.h"

#define PERMISSIONS 07777

struct catalog_entry change_entry(const char *path, unsigned int type,
                                  const struct change_attributes *attributes)
{
    struct catalog_entry entry = {
        .hardlinks = S_ISDIR(type) ? 2 : 1,
        .mode = type | (attributes->mode & PERMISSIONS),
        .mtime_seconds = attributes->mtime_seconds,
        .flags = entry_flags(type),
        .uid = attributes->uid,
        .gid = attributes->gid,
        .xattr = attributes->xattr,
    };

    entry_place(&entry, path);
    return entry;
}

bool change_unlink(struct changes *changes, const struct spot *spot, struct error *error)
{
    struct catalog_editor *editor;

    return tree_catalog_edit(&editor, changes->tree, spot->catalog, error) &&
           catalog_editor_leave_group(editor, &spot->entry, error) &&
           catalog_editor_remove_tree(editor, spot->path, CATALOG_WITH_ROOT, error);
}

bool change_add_catalog(struct changes *changes, const struct spot *spot,
                        struct error *error)
{
    struct tree_catalog *catalog;

    if (!catalog_tree_find(&catalog, changes->tree, spot->directory, error))
        return false;
    return strcmp(tree_catalog_path(catalog), spot->directory) == 0 ||
           catalog_tree_split(changes->tree, catalog, spot->directory, error);
}

bool change_remove_catalog(struct changes *changes, const struct spot *spot,
                           struct error *error)
{
    struct tree_catalog *catalog;

    nesting_note(changes->nesting, spot->directory);
    if (!catalog_tree_find(&catalog, changes->tree, spot->directory, error))
        return false;
    return strcmp(tree_catalog_path(catalog), spot->directory) != 0 ||
           tree_catalog_parent(catalog) == NULL ||
           catalog_tree_merge(changes->tree, catalog, error);
}

static bool add_row(struct catalog_editor *editor, const struct catalog_entry *entry,
                    const struct content *content, struct error *error)
{
    if (!catalog_editor_add(editor, entry, error))
        return false;
    for (int i = 0; content != NULL && i < content->chunk_count; i++) {
        struct catalog_chunk chunk = {entry->path, content->chunks[i].offset,
                                      content->chunks[i].size, content->chunks[i].hash};

        if (!catalog_editor_add_chunk(editor, &chunk, error))
            return false;
    }
    return true;
}

bool change_put_entry(struct changes *changes, const struct spot *spot,
                      const struct catalog_entry *entry, const struct content *content,
                      struct error *error)
{
    struct catalog_editor *editor;
    bool ok;

    catalog_tree_begin(changes->tree);
    ok = (!spot->found || change_unlink(changes, spot, error)) &&
         tree_catalog_edit(&editor, changes->tree, spot->catalog, error) &&
         add_row(editor, entry, content, error) &&
         (!spot_is_marker(spot) || change_add_catalog(changes, spot, error));
    return catalog_tree_end(changes->tree, ok, error);
}

/* The row of a directory in the catalog of what is in it, and, if that is the root of a
 * nested one, the row in the catalog above. */
struct directory_rows {
    struct catalog_editor *editor[2];
    struct catalog_entry entry[2];
    int count;
};

static bool find_row(struct directory_rows *rows, struct changes *changes,
                     struct tree_catalog *catalog, const char *path, struct error *error)
{
    struct catalog_editor **editor = &rows->editor[rows->count];
    bool found;

    if (!tree_catalog_edit(editor, changes->tree, catalog, error) ||
        !catalog_editor_find(&rows->entry[rows->count++], &found, *editor, path,
                             changes->scratch, error))
        return false;
    return found ||
           error_set(error, ERROR_NOT_FOUND, "there is no directory '%.100s/'", path);
}

static bool find_rows(struct directory_rows *rows, struct changes *changes,
                      const char *path, struct error *error)
{
    struct tree_catalog *catalog, *parent;

    rows->count = 0;
    if (!catalog_tree_find(&catalog, changes->tree, path, error) ||
        !find_row(rows, changes, catalog, path, error))
        return false;
    parent = tree_catalog_parent(catalog);
    return parent == NULL || strcmp(tree_catalog_path(catalog), path) != 0 ||
           find_row(rows, changes, parent, path, error);
}

bool change_count_directory(struct changes *changes, const char *directory,
                            int difference, struct error *error)
{
    struct directory_rows rows;

    if (!find_rows(&rows, changes, directory, error))
        return false;
    for (int i = 0; i < rows.count; i++)
        if (!catalog_editor_set_links(rows.editor[i], rows.entry[i].path,
                                      rows.entry[i].hardlinks + difference, error))
            return false;
    return true;
}

static struct catalog_entry with_attributes(const struct catalog_entry *entry,
                                            unsigned int which,
                                            const struct change_attributes *attributes)
{
    struct catalog_entry changed = *entry;

    if (which & CHANGE_MODE)
        changed.mode =
            (entry->mode & ~(unsigned int)PERMISSIONS) | (attributes->mode & PERMISSIONS);
    if (which & CHANGE_OWNER) {
        changed.uid = attributes->uid;
        changed.gid = attributes->gid;
    }
    if (which & CHANGE_MTIME)
        changed.mtime_seconds = attributes->mtime_seconds;
    if (which & CHANGE_XATTR)
        changed.xattr = attributes->xattr;
    return changed;
}

static bool equal_texts(struct text a, struct text b)
{
    return a.length == b.length &&
           (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static bool equal_attributes(const struct catalog_entry *a, const struct catalog_entry *b)
{
    return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
           a->mtime_seconds == b->mtime_seconds && equal_texts(a->xattr, b->xattr);
}

static bool write_file(struct changes *changes, const struct spot *spot,
                       const struct catalog_entry *changed, struct error *error)
{
    struct catalog_editor *editor;

    return tree_catalog_edit(&editor, changes->tree, spot->catalog, error) &&
           catalog_editor_change(editor, &spot->entry, changed, error);
}

static bool write_directory(struct changes *changes, const struct spot *spot,
                            const struct catalog_entry *changed, struct error *error)
{
    struct directory_rows rows;

    if (!find_rows(&rows, changes, spot->path, error))
        return false;
    for (int i = 0; i < rows.count; i++)
        if (!catalog_editor_change(rows.editor[i], &rows.entry[i], changed, error))
            return false;
    return true;
}

bool change_write_attributes(struct changes *changes, const struct spot *spot,
                             unsigned int which,
                             const struct change_attributes *attributes,
                             struct error *error)
{
    struct catalog_entry changed = with_attributes(&spot->entry, which, attributes);
    bool ok;

    if (equal_attributes(&changed, &spot->entry))
        return true;
    catalog_tree_begin(changes->tree);
    ok = spot->entry.flags & CATALOG_DIRECTORY
             ? write_directory(changes, spot, &changed, error)
             : write_file(changes, spot, &changed, error);
    return catalog_tree_end(changes->tree, ok, error);
}
