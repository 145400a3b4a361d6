/* SPDX-License-Identifier: Apache-2.0 */
/* The tag database. */
#include "libreplica/format/history.h"

#include <string.h>
#include <apr_strings.h>
#include "libreplica/format/database.h"

#define SCHEMA_TENTHS 10
#define TAGS_FIRST    16

static bool read_text(const char **string, struct database *database, sqlite3_stmt *row,
                      int column, apr_pool_t *pool, struct error *error)
{
    struct text text;

    if (!database_column_text(&text, database, row, column, error))
        return false;
    *string = apr_pstrmemdup(pool, text.bytes, text.length);
    return true;
}

static bool read_tag(struct tag *tag, struct database *database, sqlite3_stmt *row,
                     apr_pool_t *pool, struct error *error)
{
    struct text hash;

    if (!read_text(&tag->name, database, row, 0, pool, error) ||
        !database_column_text(&hash, database, row, 1, error) ||
        !database_column_number(&tag->revision, database, row, 2, error) ||
        !database_column_number(&tag->timestamp_seconds, database, row, 3, error) ||
        !read_text(&tag->description, database, row, 4, pool, error) ||
        !database_column_number(&tag->catalog_size, database, row, 5, error))
        return false;
    if (*tag->name == '\0' || !hash_parse(&tag->catalog, hash) || tag->revision < 0 ||
        tag->catalog_size < 0)
        return database_damaged(database, error,
                                "a tag has no name, or no valid hash, revision or size");
    return true;
}

static bool read_tags(apr_array_header_t *tags, struct database *database,
                      apr_pool_t *pool, struct error *error)
{
    bool has_size = database_has_column(database, "tags", "size");
    const char *sql =
        apr_pstrcat(pool, "SELECT name, hash, revision, timestamp, description, ",
                    has_size ? "size" : "0",
                    " FROM tags ORDER BY timestamp DESC, revision DESC", NULL);
    sqlite3_stmt *statement;
    struct tag tag;
    bool row;

    if (!database_prepare(&statement, database, sql, pool, error))
        return false;
    for (;;) {
        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            return true;
        if (!read_tag(&tag, database, statement, pool, error))
            return false;
        APR_ARRAY_PUSH(tags, struct tag) = tag;
    }
}

static bool check_database(struct database *database, struct error *error)
{
    int tenths;

    if (!database_check_table(database, "properties", error) ||
        !database_check_table(database, "tags", error) ||
        !database_schema(&tenths, database, error))
        return false;
    if (tenths != SCHEMA_TENTHS)
        return error_set(error, ERROR_UNSUPPORTED,
                         "tag database %s is of schema %d.%d; only 1.0 can be read",
                         database->path, tenths / 10, tenths % 10);
    return true;
}

static bool read_all(const char **fqrn, struct hash *previous, apr_array_header_t *tags,
                     struct database *database, apr_pool_t *pool, struct error *error)
{
    if (!check_database(database, error) ||
        !database_property(fqrn, database, "fqrn", pool, error) ||
        !database_property_hash(previous, database, "previous_revision", error) ||
        !read_tags(tags, database, pool, error))
        return false;
    if (*fqrn == NULL)
        return database_damaged(database, error, "it does not name its repository");
    return true;
}

bool history_read(const char **fqrn, struct hash *previous, apr_array_header_t **tags,
                  const char *path, apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *read = apr_array_make(pool, TAGS_FIRST, sizeof(struct tag));
    struct hash read_previous;
    struct database *database;
    const char *read_fqrn;
    apr_pool_t *own;
    bool good;

    /* The database goes before what was read from it does. */
    apr_pool_create(&own, pool);
    good = database_open(&database, path, DATABASE_READ, own, error) &&
           read_all(&read_fqrn, &read_previous, read, database, pool, error);
    apr_pool_destroy(own);
    if (!good)
        return false;
    *fqrn = read_fqrn;
    *previous = read_previous;
    *tags = read;
    return true;
}

/* A scratch file on its way into an object: nothing to sync. */
static const char schema[] =
    "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN;"
    "CREATE TABLE properties (key TEXT, value TEXT,"
    " CONSTRAINT pk_properties PRIMARY KEY (key));"
    "CREATE TABLE branches (branch TEXT, parent TEXT, initial_revision INTEGER,"
    " CONSTRAINT pk_branch PRIMARY KEY (branch),"
    " FOREIGN KEY (parent) REFERENCES branches (branch),"
    " CHECK ((branch <> '') OR (parent IS NULL)),"
    " CHECK ((branch = '') OR (parent IS NOT NULL)));"
    "CREATE TABLE tags (name TEXT, hash TEXT, revision INTEGER, timestamp INTEGER,"
    " channel INTEGER, description TEXT, size INTEGER, branch TEXT,"
    " CONSTRAINT pk_tags PRIMARY KEY (name),"
    " FOREIGN KEY (branch) REFERENCES branches (branch));"
    "CREATE TABLE recycle_bin (hash TEXT, flags INTEGER,"
    " CONSTRAINT pk_hash PRIMARY KEY (hash));"
    "INSERT INTO branches (branch, parent, initial_revision) VALUES ('', NULL, 0);"
    "INSERT INTO properties (key, value) VALUES ('schema', '1.0');"
    "INSERT INTO properties (key, value) VALUES ('schema_revision', '3');";

static bool write_tags(struct database *database, const apr_array_header_t *tags,
                       apr_pool_t *pool, struct error *error)
{
    static const char sql[] =
        "INSERT INTO tags (name, hash, revision, timestamp, channel,"
        " description, size, branch)"
        " VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, '')";
    sqlite3_stmt *statement;

    if (!database_prepare(&statement, database, sql, pool, error))
        return false;
    for (int i = 0; i < tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(tags, i, struct tag);
        char hash[HASH_TEXT_SIZE];

        hash_format(hash, &tag->catalog);
        sqlite3_bind_text(statement, 1, tag->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, hash, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 3, tag->revision);
        sqlite3_bind_int64(statement, 4, tag->timestamp_seconds);
        sqlite3_bind_text(statement, 5, tag->description, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 6, tag->catalog_size);
        database_allow_work(database);
        if (!database_run(database, statement, error))
            return error_prefix(error, "tag %s", tag->name);
    }
    return true;
}

bool history_write(const char *path, const char *fqrn, const struct hash *previous,
                   const apr_array_header_t *tags, struct error *error)
{
    char previous_text[HASH_TEXT_SIZE];
    struct database *database;
    apr_pool_t *pool;
    bool good;

    apr_pool_create(&pool, tags->pool);
    hash_format(previous_text, previous);
    good = database_open(&database, path, DATABASE_CREATE, pool, error) &&
           database_execute(database, schema, error) &&
           database_set_property(database, "fqrn", fqrn, error) &&
           database_set_property(database, "previous_revision", previous_text, error) &&
           write_tags(database, tags, pool, error) &&
           database_execute(database, "COMMIT", error);
    apr_pool_destroy(pool);
    return good;
}
