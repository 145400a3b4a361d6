/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a tag database consistent. */
#include "libreplica/format/history.h"

#include <apr_strings.h>

#include "libreplica/format/database.h"

/* Each gives names, and says this of them. */
static const struct {
    const char *sentence;
    const char *sql;
} rules[] = {
    {"invalid branch name",
     "SELECT branch FROM branches WHERE branch GLOB '*[^-a-zA-Z0-9@./_]*'"},
    {"of a branch that does not exist: tag",
     "SELECT t.name FROM tags AS t LEFT JOIN branches AS b ON b.branch = t.branch"
     " WHERE b.branch IS NULL"},
    {"of a revision older than its branch: tag",
     "SELECT t.name FROM tags AS t CROSS JOIN branches AS b ON b.branch = t.branch"
     " WHERE t.revision < b.initial_revision"},
    {"without any tag: branch",
     "SELECT b.branch FROM branches AS b WHERE b.branch <> ''"
     " AND NOT EXISTS (SELECT 1 FROM tags AS t WHERE t.branch = b.branch)"},
};

static bool apply_rule(struct database *database, int number,
                       history_visit_violation *visit, void *baton, apr_pool_t *pool,
                       struct error *error)
{
    sqlite3_stmt *statement;
    struct text name;
    bool row;

    database_allow_work(database);
    if (!database_prepare(&statement, database, rules[number].sql, pool, error))
        return false;
    for (;;) {
        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            return true;
        if (!database_column_text(&name, database, statement, 0, error) ||
            !visit(baton,
                   apr_pstrcat(pool, rules[number].sentence, " ",
                               text_for_people(name, 100, pool), NULL),
                   error))
            return false;
    }
}

bool history_judge(const char *path, history_visit_violation *visit, void *baton,
                   apr_pool_t *pool, struct error *error)
{
    struct database *database;
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, pool);
    ok = database_open(&database, path, DATABASE_READ, own, error);
    /* Older revisions of the schema have no branches. */
    if (ok && database_has_column(database, "tags", "branch")) {
        ok = database_check_table(database, "tags", error) &&
             database_check_table(database, "branches", error);
        for (int i = 0; ok && i < (int)(sizeof(rules) / sizeof(*rules)); i++)
            ok = apply_rule(database, i, visit, baton, own, error);
    }
    apr_pool_destroy(own);
    return ok;
}
