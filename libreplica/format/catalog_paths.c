/* SPDX-License-Identifier: Apache-2.0 */
/* The rules about paths: rows are found by the MD5 of their path, so a name and a hash
 * that do not fit make a row, and all below it, invisible. */
#include "libreplica/format/catalog_rules_internal.h"

#include <string.h>
#include <apr_strings.h>

#define BIND_TABLE   "bind_mountpoints"
#define NESTED_TABLE "nested_catalogs"

/* From the root down, one directory after the other; SQLite keeps those to come in a
 * file. */
static const char tree_sql[] =
    "WITH RECURSIVE tree(first, second, path) AS (SELECT ?1, ?2, ?3 UNION ALL"
    " SELECT c.md5path_1, c.md5path_2, t.path || '/' || c.name"
    " FROM tree AS t CROSS JOIN catalog AS c"
    " ON c.parent_1 = t.first AND c.parent_2 = t.second"
    " WHERE c.mode & 61440 = 16384 AND c.flags & 16386 = 0"
    " AND NOT (c.md5path_1 = ?1 AND c.md5path_2 = ?2))"
    " SELECT t.path || '/' || c.name, c.md5path_1, c.md5path_2, c.flags"
    " FROM tree AS t CROSS JOIN catalog AS c"
    " ON c.parent_1 = t.first AND c.parent_2 = t.second"
    " WHERE NOT (c.md5path_1 = ?1 AND c.md5path_2 = ?2)";

struct path_pass {
    const struct judgement *judgement;
    sqlite3_stmt *find_nested, *find_bind; /* find_bind: NULL without that table */
    int64_t reached;
    int reported;
    apr_pool_t *pool;
};

static bool has_bind_table(const struct judgement *judgement)
{
    return database_has_column(judgement->catalog->database, BIND_TABLE, "path");
}

static bool report(struct path_pass *pass, struct text path, const char *sentence,
                   struct error *error)
{
    const struct judgement *judgement = pass->judgement;

    if (pass->reported++ >= CATALOG_RULE_EXAMPLES)
        return true;
    return judgement->visit(judgement->baton,
                            apr_pstrmemdup(pass->pool, path.bytes, path.length), sentence,
                            error);
}

static bool is_registered(bool *found, struct path_pass *pass, sqlite3_stmt *statement,
                          struct text path, struct error *error)
{
    *found = false;
    if (statement == NULL)
        return true;
    sqlite3_reset(statement);
    sqlite3_bind_text(statement, 1, path.bytes, (int)path.length, SQLITE_TRANSIENT);
    return database_step(pass->judgement->catalog->database, statement, found, error);
}

static bool look_at_row(struct path_pass *pass, sqlite3_stmt *row, struct error *error)
{
    struct catalog *catalog = pass->judgement->catalog;
    struct path_hash stored, right;
    struct text path;
    unsigned int flags;
    bool found = true;

    if (!database_column_text(&path, catalog->database, row, 0, error) ||
        !database_column_number(&stored.first, catalog->database, row, 1, error) ||
        !database_column_number(&stored.second, catalog->database, row, 2, error) ||
        !catalog_column_flags(&flags, catalog, row, 3, error))
        return false;
    right = path_hash_of(path);
    if ((stored.first != right.first || stored.second != right.second) &&
        !report(pass, path, "a path hash that is not that of the path", error))
        return false;
    if (flags & (CATALOG_MOUNTPOINT | CATALOG_BIND_MOUNTPOINT) &&
        !is_registered(&found, pass,
                       flags & CATALOG_MOUNTPOINT ? pass->find_nested : pass->find_bind,
                       path, error))
        return false;
    return found || report(pass, path, "a mountpoint that leads to no catalog", error);
}

static bool count_rows(int64_t *count, const struct judgement *judgement,
                       apr_pool_t *pool, struct error *error)
{
    struct database *database = judgement->catalog->database;
    sqlite3_stmt *statement;
    bool row;

    database_allow_work(database);
    return database_prepare(&statement, database, "SELECT count(*) FROM catalog", pool,
                            error) &&
           database_step(database, statement, &row, error) &&
           database_column_number(count, database, statement, 0, error);
}

static bool walk_tree(struct path_pass *pass, apr_pool_t *pool, struct error *error)
{
    struct catalog *catalog = pass->judgement->catalog;
    sqlite3_stmt *statement;
    bool row;

    if (!database_prepare(&statement, catalog->database, tree_sql, pool, error))
        return false;
    judgement_bind_root(pass->judgement, statement);
    sqlite3_bind_text(statement, 3, catalog->properties.root_prefix, -1, SQLITE_STATIC);
    database_allow_work(catalog->database);
    for (;;) {
        if (!database_step(catalog->database, statement, &row, error))
            return false;
        if (!row)
            return true;
        pass->reached++;
        if (!look_at_row(pass, statement, error))
            return false;
    }
}

bool judge_paths(const struct judgement *judgement, apr_pool_t *pool, struct error *error)
{
    struct path_pass pass = {.judgement = judgement, .pool = pool};
    struct catalog *catalog = judgement->catalog;
    const char *prefix = catalog->properties.root_prefix;
    struct catalog_entry root;
    int64_t rows;
    bool found;

    if (!catalog_lookup(catalog, prefix, &root, &found, error))
        return false;
    if (!found && !judgement->visit(judgement->baton, prefix,
                                    "the catalog's root has no row", error))
        return false;
    if (!database_prepare(&pass.find_nested, catalog->database,
                          "SELECT 1 FROM " NESTED_TABLE " WHERE path = ?1", pool,
                          error) ||
        (has_bind_table(judgement) &&
         !database_prepare(&pass.find_bind, catalog->database,
                           "SELECT 1 FROM " BIND_TABLE " WHERE path = ?1", pool,
                           error)) ||
        !walk_tree(&pass, pool, error) || !count_rows(&rows, judgement, pool, error))
        return false;
    pass.reached += found;
    return pass.reached == rows ||
           judgement->visit(judgement->baton, prefix,
                            apr_psprintf(pool,
                                         "%" APR_INT64_T_FMT
                                         " rows, of which %" APR_INT64_T_FMT
                                         " can be reached from "
                                         "the catalog's root",
                                         (apr_int64_t)rows, (apr_int64_t)pass.reached),
                            error);
}

/* Whether the path of the current row has a directory with FLAG; *reported otherwise. */
static bool judge_table_row(const struct judgement *judgement, sqlite3_stmt *row,
                            unsigned int flag, int *reported, apr_pool_t *pool,
                            struct error *error)
{
    struct catalog_entry entry;
    struct text text;
    const char *path;
    bool found;

    if (!database_column_text(&text, judgement->catalog->database, row, 0, error))
        return false;
    path = apr_pstrmemdup(pool, text.bytes, text.length);
    if (!catalog_lookup(judgement->catalog, path, &entry, &found, error))
        return false;
    if (found && entry.flags & flag)
        return true;
    ++*reported;
    return judgement->visit(judgement->baton, path,
                            found ? "a catalog at a path that is no mountpoint"
                                  : "a catalog without a mountpoint",
                            error);
}

/* Each path of a table of mountpoints. */
static bool judge_table(const struct judgement *judgement, const char *sql,
                        unsigned int flag, apr_pool_t *pool, struct error *error)
{
    struct database *database = judgement->catalog->database;
    sqlite3_stmt *statement;
    bool row = true, ok;
    apr_pool_t *own;
    int reported = 0;

    if (!database_prepare(&statement, database, sql, pool, error))
        return false;
    apr_pool_create(&own, pool);
    for (ok = true; ok && row && reported < CATALOG_RULE_EXAMPLES;) {
        apr_pool_clear(own);
        database_allow_work(database);
        ok = database_step(database, statement, &row, error) &&
             (!row || judge_table_row(judgement, statement, flag, &reported, own, error));
    }
    apr_pool_destroy(own);
    return ok;
}

static bool judge_both_tables(const struct judgement *judgement, apr_pool_t *pool,
                              struct error *error)
{
    struct database *database = judgement->catalog->database;
    sqlite3_stmt *statement;
    struct text path;
    bool row;

    database_allow_work(database);
    if (!database_prepare(&statement, database,
                          "SELECT path FROM " NESTED_TABLE " INTERSECT"
                          " SELECT path FROM " BIND_TABLE,
                          pool, error) ||
        !database_step(database, statement, &row, error))
        return false;
    if (!row)
        return true;
    return database_column_text(&path, database, statement, 0, error) &&
           judgement->visit(judgement->baton,
                            apr_pstrmemdup(pool, path.bytes, path.length),
                            "a nested catalog and a bind mountpoint at one path", error);
}

bool judge_mountpoints(const struct judgement *judgement, apr_pool_t *pool,
                       struct error *error)
{
    if (!judge_table(judgement, "SELECT path FROM " NESTED_TABLE, CATALOG_MOUNTPOINT,
                     pool, error))
        return false;
    if (!has_bind_table(judgement))
        return true;
    return database_check_table(judgement->catalog->database, BIND_TABLE, error) &&
           judge_table(judgement, "SELECT path FROM " BIND_TABLE, CATALOG_BIND_MOUNTPOINT,
                       pool, error) &&
           judge_both_tables(judgement, pool, error);
}
