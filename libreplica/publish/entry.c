/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the table catalog. */
#include "libreplica/publish/entry.h"

#include <string.h>
#include <sys/stat.h>

#include "libreplica/format/catalog_editor.h"

void entry_place(struct catalog_entry *entry, const char *path)
{
    const char *slash = strrchr(path, '/');

    entry->path = path_hash_of(text_of(path));
    entry->name = text_of(slash != NULL ? slash + 1 : "");
    if (slash != NULL)
        entry->parent = path_hash_of((struct text){path, (size_t)(slash - path)});
}

unsigned int entry_flags(unsigned int mode)
{
    if (S_ISDIR(mode))
        return CATALOG_DIRECTORY;
    if (S_ISREG(mode))
        return CATALOG_FILE;
    if (S_ISLNK(mode))
        return CATALOG_FILE | CATALOG_SYMLINK;
    return CATALOG_FILE | CATALOG_SPECIAL;
}

void entry_set_content(struct catalog_entry *entry, const struct content *content,
                       const struct publish_target *target)
{
    entry->hash = content->hash;
    entry->size = content->size;
    entry->compression = target->compression;
    entry->flags |= catalog_content_flags(target->algorithm, target->compression);
    if (content->chunk_count > 0)
        entry->flags |= CATALOG_CHUNKED;
}
