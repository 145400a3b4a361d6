/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalog editor share; nobody else includes this. */
#ifndef REPLICA_FORMAT_CATALOG_EDITOR_INTERNAL_H
#define REPLICA_FORMAT_CATALOG_EDITOR_INTERNAL_H

#include "libreplica/format/catalog_editor.h"
#include "libreplica/format/catalog_internal.h"

enum editor_statement {
    EDITOR_ADD_ENTRY,
    EDITOR_ADD_CHUNK,
    EDITOR_ADD_LINK,
    EDITOR_ADD_LINK_CHUNKS,
    EDITOR_SET_LINKS,
    EDITOR_SET_FLAGS,
    EDITOR_CHANGE,
    EDITOR_CHANGE_GROUP,
    EDITOR_CHANGE_LINKS,
    EDITOR_LAST_GROUP,
    EDITOR_NEXT_GROUP,
    EDITOR_NUMBER_GROUP,
    EDITOR_ADD_NESTED,
    EDITOR_SET_NESTED,
    EDITOR_REMOVE_NESTED,
    EDITOR_FIND_NESTED,
    EDITOR_LIST_NESTED,
    EDITOR_FORGET_MOVED,
    EDITOR_MOVE_ROOT,
    EDITOR_MOVE_BELOW,
    EDITOR_MOVED_ROWS,
    EDITOR_MOVED_SIZES,
    EDITOR_READ_CHUNKS,
    EDITOR_RENAME_ROW,
    EDITOR_RENAME_CHUNKS,
    EDITOR_REMOVE_CHUNKS,
    EDITOR_REMOVE_ROWS,
    EDITOR_SET_COUNTER,
    EDITOR_STATEMENTS
};

/* What an undone change brings back. */
struct editor_state {
    struct catalog_counters self, subtree;
    const char *prefix;
};

struct catalog_editor {
    apr_pool_t *pool;
    struct database *database;
    struct catalog *catalog;
    sqlite3_stmt *statement[EDITOR_STATEMENTS]; /* prepared when first needed */
    struct catalog_counters stored;
    struct editor_state now, before;
    bool in_transaction;
    bool has_changed; /* since it was opened */
};

/* The columns of the table catalog, in the order of EDITOR_ADD_ENTRY's parameters. */
#define EDITOR_COLUMNS                                                                   \
    "md5path_1, md5path_2, parent_1, parent_2, hardlinks, hash, size, mode, mtime,"      \
    " mtimens, flags, name, symlink, uid, gid, xattr"
enum editor_column {
    EDITOR_PATH = 1, /* two each */
    EDITOR_PARENT = 3,
    EDITOR_HARDLINKS = 5,
    EDITOR_HASH,
    EDITOR_SIZE,
    EDITOR_MODE,
    EDITOR_MTIME,
    EDITOR_MTIMENS,
    EDITOR_FLAGS,
    EDITOR_NAME,
    EDITOR_SYMLINK,
    EDITOR_UID,
    EDITOR_GID,
    EDITOR_XATTR,
    EDITOR_COLUMNS_END
};

/* The statement NUMBER, reset and without parameters, or NULL. */
sqlite3_stmt *editor_statement(struct catalog_editor *editor,
                               enum editor_statement number, struct error *error);
/* Step one that gives no rows. */
bool editor_run(struct catalog_editor *editor, sqlite3_stmt *statement,
                struct error *error);

void editor_bind_path(sqlite3_stmt *statement, int column, struct path_hash path);
void editor_bind_text(sqlite3_stmt *statement, int column, struct text text);

/* Groups of hard links are found by an index that goes before the catalog is stored. */
bool editor_index_links(struct catalog_editor *editor, struct error *error);
bool editor_last_group(int64_t *group, struct catalog_editor *editor,
                       struct error *error);

/* catalog_schema.c: empty tables; what an older database lacks. */
bool editor_create_tables(struct database *database, struct error *error);
bool editor_upgrade(struct database *database, struct catalog *catalog,
                    struct error *error);

/* catalog_compact.c: after the last change, outside a transaction. Source: cvmfs-format
 * 7.5. */
bool editor_compact(struct catalog_editor *editor, struct error *error);

#endif
