/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from a foreign database, looked at before it is believed: tables, columns,
 * properties. */
#include "libreplica/format/database.h"

#include <string.h>
#include <apr_strings.h>

/* A table that is no table but a view or a virtual one runs code of its author's choice,
 * and so do triggers and generated columns. */
static const char table_sql[] =
    "SELECT (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0"
    "         AND name = ?1),"
    "       (SELECT count(*) FROM sqlite_schema WHERE type IN ('view', 'trigger')"
    "         AND ?1 COLLATE NOCASE IN (name, tbl_name)),"
    "       (SELECT count(*) FROM pragma_table_xinfo(?1) WHERE hidden <> 0)";

static const char property_sql[] = "SELECT value FROM properties WHERE key = ?1";

/* The statement at *kept, prepared from SQL unless it was before, with KEY bound. */
static bool ask(sqlite3_stmt **kept, struct database *database, const char *sql,
                const char *key, bool *row, struct error *error)
{
    *row = false;
    if (*kept == NULL &&
        sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, kept,
                           NULL) != SQLITE_OK)
        return database_damaged(database, error, "%s", sqlite3_errmsg(database->handle));
    sqlite3_bind_text(*kept, 1, key, -1, SQLITE_STATIC);
    return database_step(database, *kept, row, error);
}

bool database_check_table(struct database *database, const char *name,
                          struct error *error)
{
    bool row, ordinary;

    if (!ask(&database->table_check, database, table_sql, name, &row, error))
        return false;
    ordinary = row && sqlite3_column_int(database->table_check, 0) == 1 &&
               sqlite3_column_int(database->table_check, 1) == 0 &&
               sqlite3_column_int(database->table_check, 2) == 0;
    sqlite3_reset(database->table_check);
    if (!ordinary)
        return database_damaged(database, error, "'%s' is not an ordinary table in it",
                                name);
    return true;
}

bool database_has_column(struct database *database, const char *table, const char *column)
{
    return sqlite3_table_column_metadata(database->handle, NULL, table, column, NULL,
                                         NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* *row: there is such a property; TEXT is valid until the next question. The caller
 * resets. */
static bool property_text(struct text *text, bool *row, struct database *database,
                          const char *key, struct error *error)
{
    *text = (struct text){"", 0};
    if (!ask(&database->property, database, property_sql, key, row, error))
        return false;
    if (!*row || database_column_text(text, database, database->property, 0, error))
        return true;
    sqlite3_reset(database->property);
    return error_prefix(error, "property %s", key);
}

bool database_property(const char **value, struct database *database, const char *key,
                       apr_pool_t *pool, struct error *error)
{
    struct text text;
    bool row;

    if (!property_text(&text, &row, database, key, error))
        return false;
    *value = row ? apr_pstrmemdup(pool, text.bytes, text.length) : NULL;
    sqlite3_reset(database->property);
    return true;
}

bool database_property_number(int64_t *value, struct database *database, const char *key,
                              int64_t fallback, struct error *error)
{
    struct text text;
    bool row, good;

    if (!property_text(&text, &row, database, key, error))
        return false;
    *value = fallback;
    good = !row || text_parse_number(value, text);
    sqlite3_reset(database->property);
    if (!good)
        return database_damaged(database, error, "property %s is not a number", key);
    return true;
}

bool database_property_hash(struct hash *hash, struct database *database, const char *key,
                            struct error *error)
{
    struct text text;
    bool row, good;

    if (!property_text(&text, &row, database, key, error))
        return false;
    good = hash_parse_optional(hash, text);
    sqlite3_reset(database->property);
    if (!good)
        return database_damaged(database, error, "property %s is not a hash", key);
    return true;
}

bool database_set_property(struct database *database, const char *key, const char *value,
                           struct error *error)
{
    static const char sql[] =
        "INSERT OR REPLACE INTO properties (key, value) VALUES (?1, ?2)";
    sqlite3_stmt *statement;
    bool done;

    if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return database_damaged(database, error, "%s", sqlite3_errmsg(database->handle));
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    done = database_run(database, statement, error);
    sqlite3_finalize(statement);
    return done;
}

bool database_schema(int *tenths, struct database *database, struct error *error)
{
    double schema = 1.0;
    bool row;

    if (!ask(&database->property, database, property_sql, "schema", &row, error))
        return false;
    /* Text is turned into a number by the database, whatever the locale. */
    if (row)
        schema = sqlite3_column_double(database->property, 0);
    sqlite3_reset(database->property);
    *tenths = 0;
    if (schema > 0 && schema < 100)
        *tenths = (int)(schema * 10 + 0.5);
    if (schema - *tenths / 10.0 > 0.0005 || schema - *tenths / 10.0 < -0.0005)
        *tenths = 0;
    return true;
}

bool database_column_number(int64_t *value, struct database *database,
                            sqlite3_stmt *statement, int column, struct error *error)
{
    int type = sqlite3_column_type(statement, column);

    if (type != SQLITE_INTEGER && type != SQLITE_NULL)
        return database_damaged(database, error, "column %s holds no number",
                                sqlite3_column_name(statement, column));
    *value = sqlite3_column_int64(statement, column);
    return true;
}

bool database_column_text(struct text *text, struct database *database,
                          sqlite3_stmt *statement, int column, struct error *error)
{
    const char *bytes = (const char *)sqlite3_column_text(statement, column);
    size_t length = (size_t)sqlite3_column_bytes(statement, column);

    if (bytes == NULL && sqlite3_column_type(statement, column) != SQLITE_NULL)
        return error_set(error, ERROR_IO, "no memory for a text of database %s",
                         database->path);
    *text = (struct text){bytes != NULL ? bytes : "", bytes != NULL ? length : 0};
    if (memchr(text->bytes, '\0', text->length) != NULL)
        return database_damaged(database, error, "column %s holds a NUL byte",
                                sqlite3_column_name(statement, column));
    return true;
}

bool database_column_blob(struct text *blob, struct database *database,
                          sqlite3_stmt *statement, int column, struct error *error)
{
    int type = sqlite3_column_type(statement, column);
    const char *bytes;

    if (type != SQLITE_BLOB && type != SQLITE_NULL)
        return database_damaged(database, error, "column %s holds no blob",
                                sqlite3_column_name(statement, column));
    bytes = sqlite3_column_blob(statement, column);
    *blob = (struct text){bytes != NULL ? bytes : "",
                          (size_t)sqlite3_column_bytes(statement, column)};
    return true;
}
