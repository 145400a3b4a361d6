/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of what is no directory and has no content of its own: links, devices. */
#include "libreplica/publish/changes_internal.h"

#include <string.h>
#include <sys/stat.h>

#define SYMLINK_SIZE_MAX 65535

static bool find_free(struct spot *spot, struct changes *changes, const char *path,
                      struct error *error)
{
    if (!change_path_check(path, error))
        return false;
    changes_enter_if_waiting(changes, path);
    if (!spot_find_for(spot, changes, path, error))
        return false;
    if (spot->found && spot->entry.flags & CATALOG_DIRECTORY)
        return error_set(error, ERROR_EXISTS, "%.100s is a directory", path);
    return true;
}

/* A row that lives in the catalog alone. */
static bool put_bare(struct changes *changes, const char *path,
                     const struct catalog_entry *entry, struct error *error)
{
    struct catalog_entry *old;
    struct spot spot;

    if (!find_free(&spot, changes, path, error))
        return false;
    if (spot_is_marker(&spot))
        return error_set(error, ERROR_USAGE,
                         "%.100s: the marker of a nested catalog is a regular file",
                         path);
    old = &spot.entry;
    if (spot.found && old->mode == entry->mode && old->size == entry->size &&
        old->uid == entry->uid && old->gid == entry->gid && old->hardlinks == 1 &&
        old->mtime_seconds == entry->mtime_seconds &&
        old->symlink.length == entry->symlink.length &&
        memcmp(old->symlink.bytes, entry->symlink.bytes, old->symlink.length) == 0 &&
        old->xattr.length == entry->xattr.length &&
        (old->xattr.length == 0 ||
         memcmp(old->xattr.bytes, entry->xattr.bytes, old->xattr.length) == 0))
        return true;
    return change_put_entry(changes, &spot, entry, NULL, error);
}

bool changes_symlink(struct changes *changes, const char *path, struct text target,
                     const struct change_attributes *attributes, struct error *error)
{
    struct catalog_entry entry;

    changes_start(changes);
    if (!change_path_check(path, error))
        return false;
    if (target.length == 0 || target.length > SYMLINK_SIZE_MAX ||
        memchr(target.bytes, '\0', target.length) != NULL)
        return error_set(error, ERROR_USAGE,
                         "%.100s: the target of a symbolic link is empty, too long or "
                         "holds a NUL byte",
                         path);
    entry = change_entry(path, S_IFLNK, attributes);
    entry.symlink = target;
    entry.size = (int64_t)target.length;
    return put_bare(changes, path, &entry, error);
}

bool changes_special(struct changes *changes, const char *path, int64_t device,
                     const struct change_attributes *attributes, struct error *error)
{
    unsigned int type = attributes->mode & S_IFMT;
    struct catalog_entry entry;

    changes_start(changes);
    if (!change_path_check(path, error))
        return false;
    if (!S_ISCHR(type) && !S_ISBLK(type) && !S_ISFIFO(type) && !S_ISSOCK(type))
        return error_set(error, ERROR_USAGE,
                         "%.100s: mode %o is of no device, FIFO or socket", path,
                         attributes->mode);
    entry = change_entry(path, type, attributes);
    if (S_ISCHR(type) || S_ISBLK(type))
        entry.size = device;
    entry.symlink = text_of("");
    return put_bare(changes, path, &entry, error);
}

/* PATH, where something may be put, and the file at EXISTING. */
static bool find_pair(struct spot *spot, struct spot *other, struct changes *changes,
                      const char *path, const char *existing, struct error *error)
{
    if (!change_path_check(existing, error))
        return false;
    changes_enter_if_waiting(changes, existing);
    if (!find_free(spot, changes, path, error) ||
        !spot_find(other, changes, existing, error))
        return false;
    return other->found ||
           error_set(error, ERROR_NOT_FOUND, "there is no %.100s", existing);
}

static bool link_rows(struct changes *changes, const struct spot *spot,
                      const struct spot *existing, struct error *error)
{
    struct catalog_editor *editor;
    bool ok;

    catalog_tree_begin(changes->tree);
    ok = (!spot->found || change_unlink(changes, spot, error)) &&
         tree_catalog_edit(&editor, changes->tree, spot->catalog, error) &&
         catalog_editor_add_link(editor, spot->path, &existing->entry, error) &&
         (!spot_is_marker(spot) || change_add_catalog(changes, spot, error));
    return catalog_tree_end(changes->tree, ok, error);
}

bool changes_link(struct changes *changes, const char *path, const char *existing,
                  struct error *error)
{
    struct spot spot, other;

    changes_start(changes);
    if (!find_pair(&spot, &other, changes, path, existing, error))
        return false;
    if (strcmp(spot.directory, other.directory) != 0 || !entry_is_regular(&other.entry))
        return error_set(error, ERROR_USAGE,
                         "%.100s can only be a further name of a regular file in the "
                         "same directory",
                         path);
    if (strcmp(path, existing) == 0 || (spot.found && spot.entry.hardlinks >> 32 != 0 &&
                                        spot.entry.hardlinks == other.entry.hardlinks))
        return true;
    return link_rows(changes, &spot, &other, error);
}

static bool copy_row(struct changes *changes, const struct spot *spot,
                     const struct spot *existing, struct error *error)
{
    struct catalog_editor *to, *from;
    bool ok;

    catalog_tree_begin(changes->tree);
    ok = (!spot->found || change_unlink(changes, spot, error)) &&
         tree_catalog_edit(&to, changes->tree, spot->catalog, error) &&
         tree_catalog_read(&from, changes->tree, existing->catalog, error) &&
         catalog_editor_copy_tree(to, from, spot->path, existing->path, CATALOG_WITH_ROOT,
                                  error) &&
         catalog_editor_set_links(to, path_hash_of(text_of(spot->path)), 1, error) &&
         (!spot_is_marker(spot) || change_add_catalog(changes, spot, error));
    return catalog_tree_end(changes->tree, ok, error);
}

bool changes_copy(struct changes *changes, const char *path, const char *existing,
                  struct error *error)
{
    struct spot spot, other;

    changes_start(changes);
    if (!find_pair(&spot, &other, changes, path, existing, error))
        return false;
    if (!entry_is_regular(&other.entry))
        return error_set(error, ERROR_USAGE, "%.100s is no regular file", existing);
    return strcmp(path, existing) == 0 || copy_row(changes, &spot, &other, error);
}
