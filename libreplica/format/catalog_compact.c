/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping catalogs small: clients download all pages, and number inodes by rows. */
#include "libreplica/format/catalog_editor_internal.h"

/* Most that may go to waste. Source: cvmfs-format 7.5. */
#define PAGES_WASTED_MAX 0.20
#define ROWS_WASTED_MAX  0.25

static const char renumber_sql[] =
    "PRAGMA foreign_keys = OFF; BEGIN;"
    "CREATE TEMP TABLE renumbered AS SELECT " EDITOR_COLUMNS
    " FROM main.catalog ORDER BY rowid;"
    "DELETE FROM main.catalog;"
    "INSERT INTO main.catalog (" EDITOR_COLUMNS ") SELECT " EDITOR_COLUMNS
    " FROM temp.renumbered ORDER BY rowid;"
    "DROP TABLE temp.renumbered;"
    "COMMIT; PRAGMA foreign_keys = ON";

static bool ask_number(int64_t *number, struct catalog_editor *editor, const char *sql,
                       struct error *error)
{
    sqlite3_stmt *statement;
    apr_pool_t *pool;
    bool ok, row = false;

    apr_pool_create(&pool, editor->pool);
    ok = database_prepare(&statement, editor->database, sql, pool, error) &&
         database_step(editor->database, statement, &row, error);
    *number = row ? sqlite3_column_int64(statement, 0) : 0;
    apr_pool_destroy(pool);
    return ok;
}

bool editor_compact(struct catalog_editor *editor, struct error *error)
{
    int64_t rows = catalog_counters_entries(&editor->now.self);
    int64_t pages, unused, last;
    bool wastes_rows;

    if (!ask_number(&pages, editor, "PRAGMA page_count", error) ||
        !ask_number(&unused, editor, "PRAGMA freelist_count", error) ||
        !ask_number(&last, editor, "SELECT max(rowid) FROM catalog", error))
        return false;
    wastes_rows = (double)(last - rows) > ROWS_WASTED_MAX * (double)last;
    if (!wastes_rows && (double)unused <= PAGES_WASTED_MAX * (double)pages)
        return true;
    return (!wastes_rows || database_execute(editor->database, renumber_sql, error)) &&
           database_execute(editor->database, "VACUUM", error);
}
