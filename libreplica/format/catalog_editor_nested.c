/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs being written: the table of nested catalogs, and what becomes one or
 * is none any more. */
#include "libreplica/format/catalog_editor_internal.h"

#include <apr_strings.h>

static bool read_nested(struct catalog_nested *nested, struct catalog_editor *editor,
                        sqlite3_stmt *row, apr_pool_t *pool, struct error *error)
{
    struct database *database = editor->database;
    struct text path, hash;

    if (!database_column_text(&path, database, row, 0, error) ||
        !database_column_text(&hash, database, row, 1, error) ||
        !database_column_number(&nested->size, database, row, 2, error))
        return false;
    if (!catalog_path_is_clean(path) || !hash_parse_optional(&nested->hash, hash))
        return database_damaged(database, error,
                                "a nested catalog has no clean path or no valid hash");
    nested->path = apr_pstrmemdup(pool, path.bytes, path.length);
    return true;
}

bool catalog_editor_find_nested(struct catalog_nested *nested, bool *found,
                                struct catalog_editor *editor, const char *path,
                                apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement;
    bool ok;

    *found = false;
    if (editor->now.self.value[CATALOG_COUNT_NESTED] == 0)
        return true;
    statement = editor_statement(editor, EDITOR_FIND_NESTED, error);
    if (statement == NULL)
        return false;
    editor_bind_text(statement, 1, text_of(path));
    ok = database_step(editor->database, statement, found, error) &&
         (!*found || read_nested(nested, editor, statement, pool, error));
    sqlite3_reset(statement);
    return ok;
}

bool catalog_editor_list_nested(apr_array_header_t **nested,
                                struct catalog_editor *editor, const char *path,
                                apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, EDITOR_LIST_NESTED, error);
    struct catalog_nested each;
    bool row = true, ok = true;

    if (statement == NULL)
        return false;
    *nested = apr_array_make(pool, 8, sizeof(struct catalog_nested));
    /* What begins with "path/" comes before "path0". */
    editor_bind_text(statement, 1, text_of(path));
    editor_bind_text(statement, 2, text_of(apr_pstrcat(pool, path, "/", NULL)));
    editor_bind_text(statement, 3, text_of(apr_pstrcat(pool, path, "0", NULL)));
    while (ok && (ok = database_step(editor->database, statement, &row, error)) && row) {
        ok = read_nested(&each, editor, statement, pool, error);
        if (ok)
            APR_ARRAY_PUSH(*nested, struct catalog_nested) = each;
    }
    sqlite3_reset(statement);
    return ok;
}

static bool write_nested(struct catalog_editor *editor, enum editor_statement number,
                         const struct catalog_nested *nested, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, number, error);
    char text[HASH_TEXT_SIZE] = "";

    if (statement == NULL)
        return false;
    if (!hash_is_null(&nested->hash))
        hash_format(text, &nested->hash);
    editor_bind_text(statement, 1, text_of(nested->path));
    editor_bind_text(statement, 2, text_of(text));
    sqlite3_bind_int64(statement, 3, nested->size);
    return editor_run(editor, statement, error);
}

bool catalog_editor_add_nested(struct catalog_editor *editor,
                               const struct catalog_nested *nested, struct error *error)
{
    if (!write_nested(editor, EDITOR_ADD_NESTED, nested, error))
        return false;
    editor->now.self.value[CATALOG_COUNT_NESTED]++;
    return true;
}

bool catalog_editor_set_nested(struct catalog_editor *editor,
                               const struct catalog_nested *nested, struct error *error)
{
    return write_nested(editor, EDITOR_SET_NESTED, nested, error);
}

bool catalog_editor_remove_nested(struct catalog_editor *editor, const char *path,
                                  struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, EDITOR_REMOVE_NESTED, error);

    if (statement == NULL)
        return false;
    editor_bind_text(statement, 1, text_of(path));
    if (!editor_run(editor, statement, error))
        return false;
    editor->now.self.value[CATALOG_COUNT_NESTED] -=
        sqlite3_changes(editor->database->handle);
    return true;
}

static bool change_flags(bool *found, struct catalog_editor *editor, const char *path,
                         unsigned int more, unsigned int less, struct error *error)
{
    struct catalog_entry entry;
    bool ok = catalog_lookup(editor->catalog, path, &entry, found, error);

    sqlite3_reset(editor->catalog->lookup);
    return ok &&
           (!*found || catalog_editor_set_flags(editor, entry.path,
                                                (entry.flags | more) & ~less, error));
}

bool catalog_editor_move_out(struct catalog_editor *to, struct catalog_editor *from,
                             const char *path, struct error *error)
{
    bool found;

    if (!catalog_editor_copy_tree(to, from, path, path, CATALOG_WITH_ROOT, error) ||
        !change_flags(&found, to, path, CATALOG_NESTED_ROOT, 0, error))
        return false;
    if (!found)
        return error_set(error, ERROR_NOT_FOUND, "there is no %s", path);
    return catalog_editor_remove_tree(from, path, CATALOG_BELOW_ROOT, error) &&
           change_flags(&found, from, path, CATALOG_MOUNTPOINT, 0, error);
}

bool catalog_editor_take_in(struct catalog_editor *to, struct catalog_editor *from,
                            const char *path, struct error *error)
{
    bool found;

    return catalog_editor_copy_tree(to, from, path, path, CATALOG_BELOW_ROOT, error) &&
           change_flags(&found, to, path, 0, CATALOG_MOUNTPOINT, error) &&
           catalog_editor_remove_nested(to, path, error);
}
