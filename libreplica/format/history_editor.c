/* SPDX-License-Identifier: Apache-2.0 */
/* Changing tag databases. */
#include "libreplica/format/history_editor.h"

#include <apr_strings.h>
#include "libreplica/format/database.h"
#include "libreplica/format/history_internal.h"

struct history_editor {
    apr_pool_t *pool;
    struct database *database;
    sqlite3_stmt *find, *find_branch, *add, *remove;
};

/* A scratch file on its way into an object: nothing to sync. */
static const char scratch[] = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"
                              "PRAGMA foreign_keys=OFF; BEGIN;";

static const char branches_table[] =
    "CREATE TABLE branches (branch TEXT, parent TEXT, initial_revision INTEGER,"
    " CONSTRAINT pk_branch PRIMARY KEY (branch),"
    " FOREIGN KEY (parent) REFERENCES branches (branch),"
    " CHECK ((branch <> '') OR (parent IS NULL)),"
    " CHECK ((branch = '') OR (parent IS NOT NULL)));"
    "INSERT INTO branches (branch, parent, initial_revision) VALUES ('', NULL, 0);";

static const char recycle_table[] = "CREATE TABLE recycle_bin (hash TEXT, flags INTEGER,"
                                    " CONSTRAINT pk_hash PRIMARY KEY (hash));";

static const char new_tables[] =
    "CREATE TABLE properties (key TEXT, value TEXT,"
    " CONSTRAINT pk_properties PRIMARY KEY (key));"
    "CREATE TABLE tags (name TEXT, hash TEXT, revision INTEGER, timestamp INTEGER,"
    " channel INTEGER, description TEXT, size INTEGER, branch TEXT,"
    " CONSTRAINT pk_tags PRIMARY KEY (name),"
    " FOREIGN KEY (branch) REFERENCES branches (branch));"
    "INSERT INTO properties (key, value) VALUES ('schema', '1.0');"
    "INSERT INTO properties (key, value) VALUES ('schema_revision', '3');";

static bool prepare(struct history_editor *editor, struct error *error)
{
    struct {
        sqlite3_stmt **statement;
        const char *sql;
    } table[] = {
        {&editor->find, "SELECT 1 FROM tags WHERE name = ?1"},
        {&editor->find_branch, "SELECT 1 FROM branches WHERE branch = ?1"},
        {&editor->add, "INSERT INTO tags (name, hash, revision, timestamp, channel,"
                       " description, size, branch)"
                       " VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)"},
        {&editor->remove, "DELETE FROM tags WHERE name = ?1"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (!database_prepare(table[i].statement, editor->database, table[i].sql,
                              editor->pool, error))
            return false;
    return true;
}

static bool create_tables(struct history_editor *editor, const char *fqrn,
                          struct error *error)
{
    return database_execute(editor->database, scratch, error) &&
           database_execute(editor->database, branches_table, error) &&
           database_execute(editor->database, recycle_table, error) &&
           database_execute(editor->database, new_tables, error) &&
           database_set_property(editor->database, "fqrn", fqrn, error);
}

/* To revision 3 of the schema. */
static bool complete_tables(struct history_editor *editor, struct error *error)
{
    struct database *database = editor->database;
    bool has_branches = database_has_column(database, "branches", "branch");

    return database_execute(database, scratch, error) &&
           (database_has_column(database, "tags", "size") ||
            database_execute(database, "ALTER TABLE tags ADD size INTEGER DEFAULT 0",
                             error)) &&
           (database_has_column(database, "recycle_bin", "hash") ||
            database_execute(database, recycle_table, error)) &&
           (has_branches || database_execute(database, branches_table, error)) &&
           (database_has_column(database, "tags", "branch") ||
            database_execute(database,
                             "ALTER TABLE tags ADD branch TEXT"
                             " REFERENCES branches (branch);"
                             "UPDATE tags SET branch = '' WHERE branch IS NULL",
                             error)) &&
           database_set_property(database, "schema_revision", "3", error);
}

static struct history_editor *new_editor(apr_pool_t *pool)
{
    struct history_editor *editor;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    editor = apr_pcalloc(own, sizeof(*editor));
    editor->pool = own;
    return editor;
}

/* Hand it out, or take it away. */
static bool deliver(struct history_editor **editor, struct history_editor *made, bool ok,
                    struct error *error)
{
    if (ok && prepare(made, error)) {
        *editor = made;
        return true;
    }
    apr_pool_destroy(made->pool);
    return false;
}

bool history_editor_create(struct history_editor **editor, const char *path,
                           const char *fqrn, apr_pool_t *pool, struct error *error)
{
    struct history_editor *made = new_editor(pool);

    return deliver(
        editor, made,
        database_open(&made->database, path, DATABASE_CREATE, made->pool, error) &&
            create_tables(made, fqrn, error),
        error);
}

bool history_editor_open(struct history_editor **editor, const char *path,
                         apr_pool_t *pool, struct error *error)
{
    struct history_editor *made = new_editor(pool);

    return deliver(
        editor, made,
        database_open(&made->database, path, DATABASE_CHANGE, made->pool, error) &&
            history_check_database(made->database, error) && complete_tables(made, error),
        error);
}

static bool exists(bool *found, struct history_editor *editor, sqlite3_stmt *statement,
                   const char *name, struct error *error)
{
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (!database_step(editor->database, statement, found, error))
        return false;
    sqlite3_reset(statement);
    return true;
}

bool history_editor_add(struct history_editor *editor, const struct tag *tag,
                        struct error *error)
{
    sqlite3_stmt *statement = editor->add;
    bool is_there, has_branch;
    char hash[HASH_TEXT_SIZE];

    database_allow_work(editor->database);
    if (!exists(&is_there, editor, editor->find, tag->name, error) ||
        !exists(&has_branch, editor, editor->find_branch, tag->branch, error))
        return false;
    if (is_there)
        return error_set(error, ERROR_EXISTS, "there is a tag %s already", tag->name);
    if (!has_branch)
        return error_set(error, ERROR_NOT_FOUND, "tag %s: there is no branch '%s'",
                         tag->name, tag->branch);
    hash_format(hash, &tag->catalog);
    sqlite3_bind_text(statement, 1, tag->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, hash, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, tag->revision);
    sqlite3_bind_int64(statement, 4, tag->timestamp_seconds);
    sqlite3_bind_text(statement, 5, tag->description, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 6, tag->catalog_size);
    sqlite3_bind_text(statement, 7, tag->branch, -1, SQLITE_STATIC);
    return database_run(editor->database, statement, error) ||
           error_prefix(error, "tag %s", tag->name);
}

bool history_editor_remove(struct history_editor *editor, const char *name,
                           struct error *error)
{
    database_allow_work(editor->database);
    sqlite3_bind_text(editor->remove, 1, name, -1, SQLITE_STATIC);
    return database_run(editor->database, editor->remove, error);
}

/* Branches between a kept one and one without tags are led past the latter. */
static bool prune_branches(struct history_editor *editor, struct error *error)
{
    static const char lead_past[] =
        "UPDATE branches SET parent = (SELECT above.parent FROM branches AS above"
        "  WHERE above.branch = branches.parent)"
        " WHERE branch <> '' AND parent <> ''"
        "  AND parent NOT IN (SELECT branch FROM tags WHERE branch IS NOT NULL)";
    struct database *database = editor->database;

    do {
        if (!database_execute(database, lead_past, error))
            return false;
    } while (sqlite3_changes(database->handle) > 0);
    return database_execute(
        database,
        "DELETE FROM branches WHERE branch <> ''"
        " AND branch NOT IN (SELECT branch FROM tags WHERE branch IS NOT NULL)",
        error);
}

bool history_editor_finish(struct history_editor *editor, const struct hash *previous,
                           struct error *error)
{
    char text[HASH_TEXT_SIZE];
    bool ok;

    hash_format(text, previous);
    database_allow_work(editor->database);
    ok = prune_branches(editor, error) &&
         database_set_property(editor->database, "previous_revision", text, error) &&
         database_execute(editor->database, "COMMIT", error) &&
         database_compact(editor->database, error);
    apr_pool_destroy(editor->pool);
    return ok;
}
