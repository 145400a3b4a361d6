/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs: cursors over what they reference. Memory does not grow with their rows. */
#include "libreplica/format/catalog.h"

#include <string.h>
#include <apr_strings.h>
#include "libreplica/format/catalog_internal.h"

/* No row of any table takes fewer bytes of the file than this. */
#define ROW_SIZE_MIN 16

/* NOT INDEXED keeps both scans in the order of the file's pages, without a sorter. */
static const char contents_sql[] = "SELECT hash, flags FROM catalog NOT INDEXED";
static const char chunks_sql[] =
    "SELECT k.hash, c.flags FROM chunks AS k NOT INDEXED CROSS JOIN catalog AS c"
    " ON c.md5path_1 = k.md5path_1 AND c.md5path_2 = k.md5path_2";

bool catalog_path_is_clean(struct text path)
{
    const char *end = path.bytes + path.length, *at = path.bytes;

    while (at < end) {
        const char *next;
        size_t length;

        if (*at++ != '/')
            return false;
        next = memchr(at, '/', (size_t)(end - at));
        length = (size_t)((next != NULL ? next : end) - at);
        if (length == 0 || (length == 1 && at[0] == '.') ||
            (length == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        at += length;
    }
    return true;
}

static bool cursor_start(struct catalog_cursor *cursor, struct catalog *catalog,
                         const char *sql, struct error *error)
{
    if (cursor->statement != NULL)
        return true;
    cursor->rows_left = catalog->database->file_size / ROW_SIZE_MIN;
    database_allow_work(catalog->database);
    return database_prepare(&cursor->statement, catalog->database, sql, catalog->pool,
                            error);
}

static bool cursor_step(struct catalog_cursor *cursor, struct catalog *catalog,
                        struct error *error)
{
    bool row;

    if (cursor->ended)
        return true;
    if (!database_step(catalog->database, cursor->statement, &row, error))
        return false;
    cursor->ended = !row;
    if (row && cursor->rows_left-- <= 0)
        return database_damaged(catalog->database, error,
                                "it has more rows than its size can hold");
    return true;
}

/* The object of the current row; *wanted is false if it has none or an external one. */
static bool read_object(struct object *object, bool *wanted, struct catalog *catalog,
                        sqlite3_stmt *row, bool is_chunk, struct error *error)
{
    unsigned int flags;

    if (!catalog_column_flags(&flags, catalog, row, 1, error))
        return false;
    *wanted = !(flags & CATALOG_EXTERNAL);
    if (!*wanted)
        return true;
    if (!catalog_column_hash(&object->hash, catalog, row, 0, flags, error))
        return false;
    *wanted = !hash_is_null(&object->hash);
    if (!*wanted && is_chunk)
        return database_damaged(catalog->database, error, "a chunk has no hash");
    if (is_chunk)
        object->type = OBJECT_CHUNK;
    else
        object->type = flags & CATALOG_DIRECTORY ? OBJECT_MICRO_CATALOG : OBJECT_FILE;
    return true;
}

static bool next_of(struct catalog_cursor *cursor, struct catalog *catalog,
                    struct object *object, bool *more, bool is_chunk, struct error *error)
{
    struct object read;

    *more = false;
    if (!cursor_start(cursor, catalog, is_chunk ? chunks_sql : contents_sql, error))
        return false;
    while (!*more) {
        if (!cursor_step(cursor, catalog, error))
            return false;
        if (cursor->ended)
            return true;
        if (!read_object(&read, more, catalog, cursor->statement, is_chunk, error))
            return false;
    }
    *object = read;
    return true;
}

bool catalog_next_object(struct catalog *catalog, struct object *object, bool *more,
                         struct error *error)
{
    if (!next_of(&catalog->contents, catalog, object, more, false, error))
        return false;
    return *more || next_of(&catalog->chunks, catalog, object, more, true, error);
}

/* Whether PATH lies below PREFIX. */
static bool is_below(struct text path, const char *prefix)
{
    size_t length = strlen(prefix);

    return text_starts(path, prefix) && path.length > length + 1 &&
           path.bytes[length] == '/';
}

static bool read_nested(struct catalog_nested *nested, struct catalog *catalog,
                        struct error *error)
{
    sqlite3_stmt *row = catalog->nested.statement;
    struct database *database = catalog->database;
    struct catalog_nested read;
    struct text path, hash;

    if (!database_column_text(&path, database, row, 0, error) ||
        !database_column_text(&hash, database, row, 1, error) ||
        !database_column_number(&read.size, database, row, 2, error))
        return false;
    if (!catalog_path_is_clean(path) || !is_below(path, catalog->properties.root_prefix))
        return database_damaged(database, error,
                                "the path of a nested catalog is not a clean one below "
                                "'%.80s'",
                                catalog->properties.root_prefix);
    if (!hash_parse(&read.hash, hash) || read.size < 0)
        return database_damaged(database, error,
                                "a nested catalog has no valid hash or size");
    read.path = path.bytes;
    *nested = read;
    return true;
}

bool catalog_next_nested(struct catalog *catalog, struct catalog_nested *nested,
                         bool *more, struct error *error)
{
    bool has_size = database_has_column(catalog->database, "nested_catalogs", "size");

    *more = false;
    if (!cursor_start(&catalog->nested, catalog,
                      has_size ? "SELECT path, sha1, size FROM nested_catalogs"
                                 " ORDER BY path"
                               : "SELECT path, sha1, 0 FROM nested_catalogs"
                                 " ORDER BY path",
                      error) ||
        !cursor_step(&catalog->nested, catalog, error))
        return false;
    if (catalog->nested.ended)
        return true;
    *more = true;
    return read_nested(nested, catalog, error);
}
