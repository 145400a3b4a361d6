/* SPDX-License-Identifier: Apache-2.0 */
/* The tag database. */
#include "libreplica/format/history.h"

#include <string.h>
#include <apr_strings.h>
#include "libreplica/format/history_internal.h"

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
        !database_column_number(&tag->catalog_size, database, row, 5, error) ||
        !read_text(&tag->branch, database, row, 6, pool, error))
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
    bool has_branch = database_has_column(database, "tags", "branch");
    const char *sql =
        apr_pstrcat(pool, "SELECT name, hash, revision, timestamp, description, ",
                    has_size ? "size" : "0", ", ", has_branch ? "branch" : "''",
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

bool history_check_database(struct database *database, struct error *error)
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
    if (!history_check_database(database, error) ||
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

static bool read_branches(apr_array_header_t *branches, struct database *database,
                          apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement;
    struct branch branch;
    bool row;

    if (!database_prepare(&statement, database,
                          "SELECT branch, parent, initial_revision FROM branches"
                          " ORDER BY branch",
                          pool, error))
        return false;
    for (;;) {
        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            return true;
        if (!read_text(&branch.name, database, statement, 0, pool, error) ||
            !read_text(&branch.parent, database, statement, 1, pool, error) ||
            !database_column_number(&branch.initial_revision, database, statement, 2,
                                    error))
            return false;
        if (*branch.name == '\0')
            branch.parent = NULL;
        APR_ARRAY_PUSH(branches, struct branch) = branch;
    }
}

bool history_read_branches(apr_array_header_t **branches, const char *path,
                           apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *read = apr_array_make(pool, 1, sizeof(struct branch));
    struct database *database;
    apr_pool_t *own;
    bool good;

    apr_pool_create(&own, pool);
    good = database_open(&database, path, DATABASE_READ, own, error) &&
           history_check_database(database, error);
    if (good && database_has_column(database, "branches", "branch"))
        good = database_check_table(database, "branches", error) &&
               read_branches(read, database, own, error);
    for (int i = 0; good && i < read->nelts; i++) {
        struct branch *branch = &APR_ARRAY_IDX(read, i, struct branch);

        branch->name = apr_pstrdup(pool, branch->name);
        branch->parent =
            branch->parent != NULL ? apr_pstrdup(pool, branch->parent) : NULL;
    }
    apr_pool_destroy(own);
    *branches = read;
    return good;
}
