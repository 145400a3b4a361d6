/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs being written: single rows, chunks, groups of hard links, nested catalogs. */
#include "libreplica/format/catalog_editor_internal.h"

#include <string.h>
#include <apr_strings.h>

#define LINKS_MASK 0xFFFFFFFF
#define IS_PATH    "md5path_1 = ?1 AND md5path_2 = ?2"
/* Where a group is meant, ?1 is its number of links and ?2, ?3 are its directory. */
#define GROUP                                                                            \
    " WHERE hardlinks = ?1 AND hardlinks > 4294967295 AND parent_1 = ?2 AND parent_2 = " \
    "?3"
#define CHANGE                                                                           \
    " SET mode = ?4, uid = ?5, gid = ?6, xattr = ?8,"                                    \
    " mtimens = CASE WHEN mtime = ?7 THEN mtimens END, mtime = ?7"
/* Mountpoints have no rows below them, so nothing leads into another catalog. */
static const char *const statements[EDITOR_STATEMENTS] = {
    [EDITOR_ADD_ENTRY] =
        ("INSERT INTO catalog (" EDITOR_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
         "?,?)"),
    [EDITOR_ADD_CHUNK] = ("INSERT INTO chunks (md5path_1, md5path_2, offset, size, hash)"
                          " VALUES (?,?,?,?,?)"),
    [EDITOR_ADD_LINK] =
        ("INSERT INTO catalog (" EDITOR_COLUMNS ") SELECT ?3, ?4, parent_1, parent_2,"
         " hardlinks, hash, size, mode, mtime, mtimens, flags, ?5, symlink, uid, gid,"
         " xattr FROM catalog WHERE " IS_PATH),
    [EDITOR_ADD_LINK_CHUNKS] =
        ("INSERT INTO chunks (md5path_1, md5path_2, offset, size, hash)"
         " SELECT ?3, ?4, offset, size, hash FROM chunks WHERE " IS_PATH),
    [EDITOR_SET_LINKS] = "UPDATE catalog SET hardlinks = ?3 WHERE " IS_PATH,
    [EDITOR_SET_FLAGS] = "UPDATE catalog SET flags = ?3 WHERE " IS_PATH,
    [EDITOR_CHANGE] = "UPDATE catalog" CHANGE " WHERE md5path_1 = ?2 AND md5path_2 = ?3",
    [EDITOR_CHANGE_GROUP] = "UPDATE catalog INDEXED BY replica_links" CHANGE GROUP,
    [EDITOR_CHANGE_LINKS] =
        "UPDATE catalog INDEXED BY replica_links SET hardlinks = ?4" GROUP,
    [EDITOR_LAST_GROUP] = ("SELECT max(hardlinks) FROM catalog INDEXED BY replica_links"
                           " WHERE hardlinks > 4294967295"),
    [EDITOR_NEXT_GROUP] = ("SELECT min(hardlinks) FROM catalog INDEXED BY replica_links"
                           " WHERE hardlinks > 4294967295 AND hardlinks > ?1"),
    [EDITOR_NUMBER_GROUP] = ("UPDATE catalog INDEXED BY replica_links SET hardlinks = ?2"
                             " WHERE hardlinks = ?1 AND hardlinks > 4294967295"),
    [EDITOR_ADD_NESTED] =
        "INSERT INTO nested_catalogs (path, sha1, size) VALUES (?1, ?2, ?3)",
    [EDITOR_SET_NESTED] =
        "UPDATE nested_catalogs SET sha1 = ?2, size = ?3 WHERE path = ?1",
    [EDITOR_REMOVE_NESTED] = "DELETE FROM nested_catalogs WHERE path = ?1",
    [EDITOR_FIND_NESTED] = "SELECT path, sha1, size FROM nested_catalogs WHERE path = ?1",
    [EDITOR_LIST_NESTED] = ("SELECT path, sha1, size FROM nested_catalogs"
                            " WHERE path = ?1 OR (path > ?2 AND path < ?3)"
                            " ORDER BY path"),
    [EDITOR_FORGET_MOVED] = "DELETE FROM temp.moved",
    [EDITOR_MOVE_ROOT] =
        "INSERT INTO temp.moved SELECT rowid, '' FROM main.catalog WHERE " IS_PATH,
    [EDITOR_MOVE_BELOW] =
        ("INSERT INTO temp.moved WITH RECURSIVE tree(first, second, path) AS"
         " (SELECT ?1, ?2, '' UNION ALL"
         " SELECT c.md5path_1, c.md5path_2, t.path || '/' || c.name"
         " FROM tree AS t CROSS JOIN main.catalog AS c"
         " ON c.parent_1 = t.first AND c.parent_2 = t.second WHERE c.flags & 1)"
         " SELECT c.rowid, t.path || '/' || c.name"
         " FROM tree AS t CROSS JOIN main.catalog AS c"
         " ON c.parent_1 = t.first AND c.parent_2 = t.second"),
    [EDITOR_MOVED_ROWS] =
        ("SELECT m.path, " EDITOR_COLUMNS ", m.row FROM temp.moved AS m"
         " CROSS JOIN main.catalog AS c ON c.rowid = m.row ORDER BY m.row"),
    [EDITOR_MOVED_SIZES] = ("SELECT c.flags, c.size, c.xattr IS NOT NULL"
                            " FROM temp.moved AS m CROSS JOIN main.catalog AS c"
                            " ON c.rowid = m.row"),
    [EDITOR_READ_CHUNKS] = "SELECT offset, size, hash FROM chunks WHERE " IS_PATH,
    [EDITOR_RENAME_ROW] =
        ("UPDATE catalog SET md5path_1 = ?1, md5path_2 = ?2, parent_1 = ?3,"
         " parent_2 = ?4, name = ifnull(?5, name) WHERE rowid = ?6"),
    [EDITOR_RENAME_CHUNKS] =
        "UPDATE chunks SET md5path_1 = ?3, md5path_2 = ?4 WHERE " IS_PATH,
    [EDITOR_REMOVE_CHUNKS] =
        ("DELETE FROM chunks WHERE rowid IN (SELECT k.rowid FROM temp.moved AS m"
         " CROSS JOIN main.catalog AS c ON c.rowid = m.row CROSS JOIN main.chunks AS k"
         " ON k.md5path_1 = c.md5path_1 AND k.md5path_2 = c.md5path_2)"),
    [EDITOR_REMOVE_ROWS] = "DELETE FROM catalog WHERE rowid IN"
                           " (SELECT row FROM temp.moved)",
    [EDITOR_SET_COUNTER] =
        "INSERT OR REPLACE INTO statistics (counter, value) VALUES (?1, ?2)",
};

sqlite3_stmt *editor_statement(struct catalog_editor *editor,
                               enum editor_statement number, struct error *error)
{
    sqlite3_stmt **kept = &editor->statement[number];

    if (*kept == NULL &&
        sqlite3_prepare_v3(editor->database->handle, statements[number], -1,
                           SQLITE_PREPARE_PERSISTENT, kept, NULL) != SQLITE_OK) {
        error_set(error, ERROR_IO, "catalog %s: %s", editor->database->path,
                  sqlite3_errmsg(editor->database->handle));
        return NULL;
    }
    sqlite3_reset(*kept);
    sqlite3_clear_bindings(*kept);
    return *kept;
}

bool editor_run(struct catalog_editor *editor, sqlite3_stmt *statement,
                struct error *error)
{
    editor->has_changed = true;
    return database_run(editor->database, statement, error) ||
           error_prefix(error, "cannot write a catalog");
}

void editor_bind_path(sqlite3_stmt *statement, int column, struct path_hash path)
{
    sqlite3_bind_int64(statement, column, path.first);
    sqlite3_bind_int64(statement, column + 1, path.second);
}

/* Empty, not NULL: readers rely on it. */
void editor_bind_text(sqlite3_stmt *statement, int column, struct text text)
{
    sqlite3_bind_text(statement, column, text.length > 0 ? text.bytes : "",
                      (int)text.length, SQLITE_STATIC);
}

static void bind_hash(sqlite3_stmt *statement, int column, const struct hash *hash)
{
    if (!hash_is_null(hash))
        sqlite3_bind_blob(statement, column, hash->digest, HASH_DIGEST_SIZE,
                          SQLITE_STATIC);
}

static void bind_blob(sqlite3_stmt *statement, int column, struct text blob)
{
    if (blob.length > 0)
        sqlite3_bind_blob(statement, column, blob.bytes, (int)blob.length, SQLITE_STATIC);
}

static struct text copy(struct text text, apr_pool_t *pool)
{
    return (struct text){apr_pstrmemdup(pool, text.bytes, text.length), text.length};
}

bool catalog_editor_find(struct catalog_entry *entry, bool *found,
                         struct catalog_editor *editor, const char *path,
                         apr_pool_t *pool, struct error *error)
{
    bool ok = catalog_lookup(editor->catalog, path, entry, found, error);

    if (ok && *found) {
        entry->name = copy(entry->name, pool);
        entry->symlink = copy(entry->symlink, pool);
        entry->xattr = copy(entry->xattr, pool);
    }
    sqlite3_reset(editor->catalog->lookup);
    return ok;
}

bool catalog_editor_add(struct catalog_editor *editor, const struct catalog_entry *entry,
                        struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, EDITOR_ADD_ENTRY, error);

    if (statement == NULL)
        return false;
    editor_bind_path(statement, EDITOR_PATH, entry->path);
    editor_bind_path(statement, EDITOR_PARENT, entry->parent);
    sqlite3_bind_int64(statement, EDITOR_HARDLINKS, entry->hardlinks);
    bind_hash(statement, EDITOR_HASH, &entry->hash);
    sqlite3_bind_int64(statement, EDITOR_SIZE, entry->size);
    sqlite3_bind_int64(statement, EDITOR_MODE, entry->mode);
    sqlite3_bind_int64(statement, EDITOR_MTIME, entry->mtime_seconds);
    sqlite3_bind_int64(statement, EDITOR_FLAGS, entry->flags);
    editor_bind_text(statement, EDITOR_NAME, entry->name);
    editor_bind_text(statement, EDITOR_SYMLINK, entry->symlink);
    sqlite3_bind_int64(statement, EDITOR_UID, entry->uid);
    sqlite3_bind_int64(statement, EDITOR_GID, entry->gid);
    bind_blob(statement, EDITOR_XATTR, entry->xattr);
    if (!editor_run(editor, statement, error))
        return false;
    catalog_counters_add_rows(&editor->now.self, entry->flags, entry->size,
                              entry->xattr.length > 0, 1);
    return true;
}

bool catalog_editor_add_chunk(struct catalog_editor *editor,
                              const struct catalog_chunk *chunk, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, EDITOR_ADD_CHUNK, error);

    if (statement == NULL)
        return false;
    editor_bind_path(statement, 1, chunk->path);
    sqlite3_bind_int64(statement, 3, chunk->offset);
    sqlite3_bind_int64(statement, 4, chunk->size);
    bind_hash(statement, 5, &chunk->hash);
    if (!editor_run(editor, statement, error))
        return false;
    editor->now.self.value[CATALOG_COUNT_CHUNKS]++;
    return true;
}

bool editor_last_group(int64_t *group, struct catalog_editor *editor, struct error *error)
{
    sqlite3_stmt *statement;
    bool row;

    if (!editor_index_links(editor, error))
        return false;
    statement = editor_statement(editor, EDITOR_LAST_GROUP, error);
    if (statement == NULL || !database_step(editor->database, statement, &row, error))
        return false;
    *group = sqlite3_column_int64(statement, 0) >> 32;
    sqlite3_reset(statement);
    return true;
}

/* The least composite number of a group above AFTER; 0: there is none. */
static bool next_group(int64_t *hardlinks, struct catalog_editor *editor, int64_t after,
                       struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, EDITOR_NEXT_GROUP, error);
    bool row;

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, after);
    if (!database_step(editor->database, statement, &row, error))
        return false;
    *hardlinks = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return true;
}

static bool number_group(struct catalog_editor *editor, int64_t hardlinks, int64_t number,
                         struct error *error)
{
    sqlite3_stmt *statement;

    if (hardlinks >> 32 == number)
        return true;
    statement = editor_statement(editor, EDITOR_NUMBER_GROUP, error);
    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 1, hardlinks);
    sqlite3_bind_int64(statement, 2, number << 32 | (hardlinks & LINKS_MASK));
    return editor_run(editor, statement, error);
}

/* No number is lower than the new one, so none is given twice. */
bool catalog_editor_number_groups(int64_t *count, struct catalog_editor *editor,
                                  struct error *error)
{
    int64_t hardlinks = 0;

    *count = 0;
    if (!editor_index_links(editor, error))
        return false;
    for (;;) {
        if (!next_group(&hardlinks, editor, hardlinks, error))
            return false;
        if (hardlinks == 0)
            return true;
        if (!number_group(editor, hardlinks, ++*count, error))
            return false;
    }
}

/* A statement about the group of FOUND, or about it alone. */
static sqlite3_stmt *about_group(struct catalog_editor *editor,
                                 enum editor_statement number,
                                 const struct catalog_entry *found, struct error *error)
{
    sqlite3_stmt *statement;

    if (!editor_index_links(editor, error))
        return NULL;
    statement = editor_statement(editor, number, error);
    if (statement == NULL)
        return NULL;
    sqlite3_bind_int64(statement, 1, found->hardlinks);
    editor_bind_path(statement, 2, found->parent);
    return statement;
}

bool catalog_editor_change(struct catalog_editor *editor,
                           const struct catalog_entry *found,
                           const struct catalog_entry *changed, struct error *error)
{
    bool is_group = !(found->flags & CATALOG_DIRECTORY) && found->hardlinks >> 32 != 0;
    int more = (changed->xattr.length > 0) - (found->xattr.length > 0);
    sqlite3_stmt *statement;

    if (is_group) {
        statement = about_group(editor, EDITOR_CHANGE_GROUP, found, error);
    } else {
        statement = editor_statement(editor, EDITOR_CHANGE, error);
        if (statement != NULL)
            editor_bind_path(statement, 2, found->path);
    }
    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 4, changed->mode);
    sqlite3_bind_int64(statement, 5, changed->uid);
    sqlite3_bind_int64(statement, 6, changed->gid);
    sqlite3_bind_int64(statement, 7, changed->mtime_seconds);
    bind_blob(statement, 8, changed->xattr);
    if (!editor_run(editor, statement, error))
        return false;
    editor->now.self.value[CATALOG_COUNT_XATTR] +=
        more * sqlite3_changes(editor->database->handle);
    return true;
}

static bool set_number(struct catalog_editor *editor, enum editor_statement number,
                       struct path_hash path, int64_t value, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, number, error);

    if (statement == NULL)
        return false;
    editor_bind_path(statement, 1, path);
    sqlite3_bind_int64(statement, 3, value);
    return editor_run(editor, statement, error);
}

bool catalog_editor_set_links(struct catalog_editor *editor, struct path_hash path,
                              int64_t hardlinks, struct error *error)
{
    return set_number(editor, EDITOR_SET_LINKS, path, hardlinks, error);
}

bool catalog_editor_set_flags(struct catalog_editor *editor, struct path_hash path,
                              unsigned int flags, struct error *error)
{
    return set_number(editor, EDITOR_SET_FLAGS, path, flags, error);
}

static bool change_links(struct catalog_editor *editor, const struct catalog_entry *found,
                         int64_t hardlinks, struct error *error)
{
    sqlite3_stmt *statement = about_group(editor, EDITOR_CHANGE_LINKS, found, error);

    if (statement == NULL)
        return false;
    sqlite3_bind_int64(statement, 4, hardlinks);
    return editor_run(editor, statement, error);
}

bool catalog_editor_leave_group(struct catalog_editor *editor,
                                const struct catalog_entry *found, struct error *error)
{
    int64_t members = found->hardlinks & LINKS_MASK, group = found->hardlinks >> 32;

    if (found->flags & CATALOG_DIRECTORY || group == 0)
        return true;
    return catalog_editor_set_links(editor, found->path, 1, error) &&
           change_links(editor, found, members > 2 ? group << 32 | (members - 1) : 1,
                        error);
}

/* The group of FOUND with one member more, or a new one. */
static bool enlarge_group(struct catalog_editor *editor,
                          const struct catalog_entry *found, struct error *error)
{
    int64_t group;

    if (found->hardlinks >> 32 != 0)
        return change_links(editor, found, found->hardlinks + 1, error);
    return editor_last_group(&group, editor, error) &&
           catalog_editor_set_links(editor, found->path, (group + 1) << 32 | 2, error);
}

static sqlite3_stmt *about_link(struct catalog_editor *editor,
                                enum editor_statement number, struct path_hash path,
                                const struct catalog_entry *found, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, number, error);

    if (statement != NULL) {
        editor_bind_path(statement, 1, found->path);
        editor_bind_path(statement, 3, path);
    }
    return statement;
}

bool catalog_editor_add_link(struct catalog_editor *editor, const char *path,
                             const struct catalog_entry *found, struct error *error)
{
    struct path_hash hash = path_hash_of(text_of(path));
    sqlite3_stmt *statement;

    if (!enlarge_group(editor, found, error))
        return false;
    statement = about_link(editor, EDITOR_ADD_LINK, hash, found, error);
    if (statement == NULL)
        return false;
    editor_bind_text(statement, 5, text_of(strrchr(path, '/') + 1));
    if (!editor_run(editor, statement, error))
        return false;
    catalog_counters_add_rows(&editor->now.self, found->flags, found->size,
                              found->xattr.length > 0, 1);
    if (!(found->flags & CATALOG_CHUNKED))
        return true;
    statement = about_link(editor, EDITOR_ADD_LINK_CHUNKS, hash, found, error);
    if (statement == NULL || !editor_run(editor, statement, error))
        return false;
    editor->now.self.value[CATALOG_COUNT_CHUNKS] +=
        sqlite3_changes(editor->database->handle);
    return true;
}
