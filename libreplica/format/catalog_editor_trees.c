/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs being written: whole trees of rows, copied, removed, renamed. */
#include "libreplica/format/catalog_editor_internal.h"

#include <string.h>
#include <apr_strings.h>

/* Columns of EDITOR_MOVED_ROWS: the path below the tree's root, the table's, the rowid.
 */
#define MOVED_PATH  0
#define MOVED(name) (name)
#define MOVED_ROW   EDITOR_COLUMNS_END

/* Rows on their way: where the tree is going to be. */
struct passage {
    struct catalog_editor *to, *from;
    const char *new_path;
    int64_t first_group; /* added to the numbers of groups; -1: not known yet */
    char *path;          /* of the current row */
    size_t capacity;
    apr_pool_t *pool;
};

static bool run_with_path(struct catalog_editor *editor, enum editor_statement number,
                          const char *path, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(editor, number, error);

    if (statement == NULL)
        return false;
    editor_bind_path(statement, 1, path_hash_of(text_of(path)));
    return editor_run(editor, statement, error);
}

/* Note the rows of the tree at PATH. */
static bool collect(struct catalog_editor *editor, const char *path,
                    enum catalog_part which, struct error *error)
{
    sqlite3_stmt *forget = editor_statement(editor, EDITOR_FORGET_MOVED, error);

    return forget != NULL && editor_run(editor, forget, error) &&
           (which == CATALOG_BELOW_ROOT ||
            run_with_path(editor, EDITOR_MOVE_ROOT, path, error)) &&
           run_with_path(editor, EDITOR_MOVE_BELOW, path, error);
}

static int count_depth(const char *path)
{
    int depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

/* The new path of the row, in passage->path. */
static bool find_path(struct passage *passage, sqlite3_stmt *row, struct error *error)
{
    const char *below = (const char *)sqlite3_column_text(row, MOVED_PATH);
    size_t base = strlen(passage->new_path);
    size_t length = base + (size_t)sqlite3_column_bytes(row, MOVED_PATH);

    if (length >= passage->capacity) {
        passage->capacity = 2 * length + 256;
        passage->path = apr_palloc(passage->pool, passage->capacity);
    }
    memcpy(passage->path, passage->new_path, base);
    memcpy(passage->path + base, below != NULL ? below : "", length - base);
    passage->path[length] = '\0';
    if (count_depth(passage->path) > CATALOG_DEPTH_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "directories would be nested more than %d deep, at %.100s...",
                         CATALOG_DEPTH_MAX, passage->path);
    return true;
}

static void bind_place(sqlite3_stmt *statement, const struct passage *passage)
{
    const char *slash = strrchr(passage->path, '/');
    size_t length = slash != NULL ? (size_t)(slash - passage->path) : 0;

    editor_bind_path(statement, EDITOR_PATH, path_hash_of(text_of(passage->path)));
    editor_bind_path(statement, EDITOR_PARENT,
                     path_hash_of((struct text){passage->path, length}));
}

/* The name of the row; of the root, where it may have changed, from its path. */
static void bind_name(sqlite3_stmt *statement, int column, const struct passage *passage,
                      sqlite3_stmt *row)
{
    if (sqlite3_column_bytes(row, MOVED_PATH) == 0)
        editor_bind_text(statement, column, text_of(strrchr(passage->path, '/') + 1));
    else
        sqlite3_bind_value(statement, column,
                           sqlite3_column_value(row, MOVED(EDITOR_NAME)));
}

static bool find_links(int64_t *hardlinks, struct passage *passage, sqlite3_stmt *row,
                       struct error *error)
{
    *hardlinks = sqlite3_column_int64(row, MOVED(EDITOR_HARDLINKS));
    if (*hardlinks >> 32 == 0)
        return true;
    if (passage->first_group < 0 &&
        !editor_last_group(&passage->first_group, passage->to, error))
        return false;
    *hardlinks += passage->first_group << 32;
    return true;
}

static bool copy_row(struct passage *passage, sqlite3_stmt *row, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(passage->to, EDITOR_ADD_ENTRY, error);
    int64_t hardlinks;

    if (statement == NULL || !find_links(&hardlinks, passage, row, error))
        return false;
    for (int i = EDITOR_HASH; i < EDITOR_COLUMNS_END; i++)
        sqlite3_bind_value(statement, i, sqlite3_column_value(row, MOVED(i)));
    bind_place(statement, passage);
    bind_name(statement, EDITOR_NAME, passage, row);
    sqlite3_bind_int64(statement, EDITOR_HARDLINKS, hardlinks);
    if (!editor_run(passage->to, statement, error))
        return false;
    catalog_counters_add_rows(
        &passage->to->now.self,
        (unsigned int)sqlite3_column_int64(row, MOVED(EDITOR_FLAGS)),
        sqlite3_column_int64(row, MOVED(EDITOR_SIZE)),
        sqlite3_column_type(row, MOVED(EDITOR_XATTR)) != SQLITE_NULL, 1);
    return true;
}

static bool copy_chunk(struct passage *passage, sqlite3_stmt *chunk, struct error *error)
{
    sqlite3_stmt *statement = editor_statement(passage->to, EDITOR_ADD_CHUNK, error);

    if (statement == NULL)
        return false;
    editor_bind_path(statement, 1, path_hash_of(text_of(passage->path)));
    for (int i = 0; i < 3; i++)
        sqlite3_bind_value(statement, i + 3, sqlite3_column_value(chunk, i));
    if (!editor_run(passage->to, statement, error))
        return false;
    passage->to->now.self.value[CATALOG_COUNT_CHUNKS]++;
    return true;
}

static bool copy_chunks(struct passage *passage, sqlite3_stmt *row, struct error *error)
{
    sqlite3_stmt *chunks;
    bool more, ok = true;

    if (!(sqlite3_column_int64(row, MOVED(EDITOR_FLAGS)) & CATALOG_CHUNKED))
        return true;
    chunks = editor_statement(passage->from, EDITOR_READ_CHUNKS, error);
    if (chunks == NULL)
        return false;
    for (int i = EDITOR_PATH; i < EDITOR_PARENT; i++)
        sqlite3_bind_value(chunks, i, sqlite3_column_value(row, MOVED(i)));
    while (ok && (ok = database_step(passage->from->database, chunks, &more, error)) &&
           more)
        ok = copy_chunk(passage, chunks, error);
    sqlite3_reset(chunks);
    return ok;
}

static bool copy_one(struct passage *passage, sqlite3_stmt *row, struct error *error)
{
    return copy_row(passage, row, error) && copy_chunks(passage, row, error);
}

static bool rename_one(struct passage *passage, sqlite3_stmt *row, struct error *error)
{
    struct catalog_editor *editor = passage->to;
    sqlite3_stmt *statement = editor_statement(editor, EDITOR_RENAME_ROW, error);

    if (statement == NULL)
        return false;
    bind_place(statement, passage);
    if (sqlite3_column_bytes(row, MOVED_PATH) == 0)
        bind_name(statement, 5, passage, row);
    sqlite3_bind_int64(statement, 6, sqlite3_column_int64(row, MOVED_ROW));
    if (sqlite3_column_int64(row, MOVED(EDITOR_FLAGS)) & CATALOG_CHUNKED) {
        sqlite3_stmt *chunks = editor_statement(editor, EDITOR_RENAME_CHUNKS, error);

        if (chunks == NULL)
            return false;
        for (int i = EDITOR_PATH; i < EDITOR_PARENT; i++)
            sqlite3_bind_value(chunks, i, sqlite3_column_value(row, MOVED(i)));
        editor_bind_path(chunks, 3, path_hash_of(text_of(passage->path)));
        if (!editor_run(editor, chunks, error))
            return false;
    }
    return editor_run(editor, statement, error);
}

/* Take EACH through all noted rows. */
static bool pass_all(struct passage *passage,
                     bool each(struct passage *passage, sqlite3_stmt *row,
                               struct error *error),
                     struct error *error)
{
    sqlite3_stmt *row = editor_statement(passage->from, EDITOR_MOVED_ROWS, error);
    bool more, ok = row != NULL;

    while (ok && (ok = database_step(passage->from->database, row, &more, error)) && more)
        ok = find_path(passage, row, error) && each(passage, row, error);
    sqlite3_reset(row);
    return ok;
}

bool catalog_editor_copy_tree(struct catalog_editor *to, struct catalog_editor *from,
                              const char *new_path, const char *old_path,
                              enum catalog_part which, struct error *error)
{
    struct passage passage = {
        .to = to, .from = from, .new_path = new_path, .first_group = -1};
    bool ok;

    apr_pool_create(&passage.pool, to->pool);
    ok = collect(from, old_path, which, error) && pass_all(&passage, copy_one, error);
    apr_pool_destroy(passage.pool);
    return ok;
}

/* Count the noted rows out. */
static bool discount(struct catalog_editor *editor, struct error *error)
{
    sqlite3_stmt *row = editor_statement(editor, EDITOR_MOVED_SIZES, error);
    bool more, ok = row != NULL;

    while (ok && (ok = database_step(editor->database, row, &more, error)) && more)
        catalog_counters_add_rows(
            &editor->now.self, (unsigned int)sqlite3_column_int64(row, 0),
            sqlite3_column_int64(row, 1), sqlite3_column_int(row, 2) != 0, -1);
    sqlite3_reset(row);
    return ok;
}

bool catalog_editor_remove_tree(struct catalog_editor *editor, const char *path,
                                enum catalog_part which, struct error *error)
{
    sqlite3_stmt *statement;

    if (!collect(editor, path, which, error) || !discount(editor, error))
        return false;
    statement = editor_statement(editor, EDITOR_REMOVE_CHUNKS, error);
    if (statement == NULL || !editor_run(editor, statement, error))
        return false;
    editor->now.self.value[CATALOG_COUNT_CHUNKS] -=
        sqlite3_changes(editor->database->handle);
    statement = editor_statement(editor, EDITOR_REMOVE_ROWS, error);
    return statement != NULL && editor_run(editor, statement, error);
}

bool catalog_editor_rename_tree(struct catalog_editor *editor, const char *new_path,
                                const char *old_path, struct error *error)
{
    struct passage passage = {.to = editor, .from = editor, .new_path = new_path};
    bool ok;

    apr_pool_create(&passage.pool, editor->pool);
    ok = collect(editor, old_path, CATALOG_WITH_ROOT, error) &&
         database_execute(editor->database, "PRAGMA defer_foreign_keys = ON", error) &&
         pass_all(&passage, rename_one, error) &&
         database_execute(editor->database, "PRAGMA defer_foreign_keys = OFF", error);
    apr_pool_destroy(passage.pool);
    return ok;
}

/* All of them go before the first comes back. */
static bool rename_nested(struct catalog_editor *editor, const char *prefix,
                          apr_pool_t *pool, struct error *error)
{
    size_t length = strlen(editor->now.prefix);
    apr_array_header_t *all;
    bool ok = catalog_editor_list_nested(&all, editor, editor->now.prefix, pool, error);

    for (int i = 0; ok && i < all->nelts; i++)
        ok = catalog_editor_remove_nested(
            editor, APR_ARRAY_IDX(all, i, struct catalog_nested).path, error);
    for (int i = 0; ok && i < all->nelts; i++) {
        struct catalog_nested *nested = &APR_ARRAY_IDX(all, i, struct catalog_nested);

        nested->path = apr_pstrcat(pool, prefix, nested->path + length, NULL);
        ok = catalog_editor_add_nested(editor, nested, error);
    }
    return ok;
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);

    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/* If one place is below the other, a row's new path may be another's old one: go by a
 * place that cannot exist. */
static bool rename_all(struct catalog_editor *editor, const char *prefix,
                       struct error *error)
{
    static const char aside[] = "//aside";
    const char *old = editor->now.prefix;

    if (!is_below(prefix, old) && !is_below(old, prefix))
        return catalog_editor_rename_tree(editor, prefix, old, error);
    return catalog_editor_rename_tree(editor, aside, old, error) &&
           catalog_editor_rename_tree(editor, prefix, aside, error);
}

bool catalog_editor_set_prefix(struct catalog_editor *editor, const char *prefix,
                               struct error *error)
{
    apr_pool_t *pool;
    bool ok;

    apr_pool_create(&pool, editor->pool);
    ok = rename_all(editor, prefix, error) && rename_nested(editor, prefix, pool, error);
    if (ok)
        editor->now.prefix = apr_pstrdup(editor->pool, prefix);
    apr_pool_destroy(pool);
    return ok;
}
