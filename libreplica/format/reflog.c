/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog. */
#include "libreplica/format/reflog.h"

#include <string.h>
#include <apr_strings.h>
#include "libreplica/format/database.h"

#define SCHEMA_TENTHS 10

struct reflog {
    apr_pool_t *pool;
    struct database *database;
    sqlite3_stmt *insert, *replace, *find, *remove;
};

static const char schema[] =
    "CREATE TABLE properties (key TEXT, value TEXT,"
    " CONSTRAINT pk_properties PRIMARY KEY (key));"
    "CREATE TABLE refs (hash TEXT, type INTEGER, timestamp INTEGER,"
    " CONSTRAINT pk_refs PRIMARY KEY (hash));"
    "INSERT INTO properties (key, value) VALUES ('schema', '1.0');"
    "INSERT INTO properties (key, value) VALUES ('schema_revision', '0');";

/* The column type. Source: cvmfs-format 5.4. */
static const enum object_type types[] = {OBJECT_CATALOG, OBJECT_CERTIFICATE,
                                         OBJECT_HISTORY, OBJECT_METAINFO};
#define TYPE_COUNT ((int64_t)(sizeof(types) / sizeof(*types)))

static int64_t number_of_type(enum object_type type)
{
    for (int64_t number = 0; number < TYPE_COUNT; number++)
        if (types[number] == type)
            return number;
    return TYPE_COUNT;
}

static bool check_existing(struct reflog *reflog, const char *fqrn, struct error *error)
{
    const char *found;
    int tenths;

    if (!database_check_table(reflog->database, "properties", error) ||
        !database_check_table(reflog->database, "refs", error) ||
        !database_schema(&tenths, reflog->database, error) ||
        !database_property(&found, reflog->database, "fqrn", reflog->pool, error))
        return false;
    if (tenths != SCHEMA_TENTHS)
        return database_damaged(reflog->database, error, "its schema is not 1.0");
    if (found == NULL || strcmp(found, fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH,
                         "the reflog %s is of %.60s, not of %s", reflog->database->path,
                         found != NULL ? found : "nobody", fqrn);
    return true;
}

static bool prepare_statements(struct reflog *reflog, struct error *error)
{
    struct {
        sqlite3_stmt **statement;
        const char *sql;
    } table[] = {
        {&reflog->insert,
         "INSERT OR IGNORE INTO refs (hash, type, timestamp) VALUES (?1, ?2, ?3)"},
        {&reflog->replace,
         "INSERT OR REPLACE INTO refs (hash, type, timestamp) VALUES (?1, ?2, ?3)"},
        {&reflog->find, "SELECT timestamp FROM refs WHERE hash = ?1 AND type = ?2"},
        {&reflog->remove, "DELETE FROM refs WHERE hash = ?1 AND type = ?2"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (!database_prepare(table[i].statement, reflog->database, table[i].sql,
                              reflog->pool, error))
            return false;
    return true;
}

static bool prepare_file(struct reflog *reflog, const char *path, const char *fqrn,
                         bool create, struct error *error)
{
    /* PATH is a working copy, and whoever makes it the real one syncs it: so the journal
     * need not outlive the process. */
    static const char begin[] =
        "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; BEGIN IMMEDIATE;";

    if (!database_open(&reflog->database, path,
                       create ? DATABASE_CREATE : DATABASE_CHANGE, reflog->pool, error) ||
        !database_execute(reflog->database, begin, error))
        return false;
    if (create && (!database_execute(reflog->database, schema, error) ||
                   !database_set_property(reflog->database, "fqrn", fqrn, error)))
        return false;
    return check_existing(reflog, fqrn, error) && prepare_statements(reflog, error);
}

bool reflog_open(struct reflog **reflog, const char *path, const char *fqrn, bool create,
                 apr_pool_t *pool, struct error *error)
{
    struct reflog *opened;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    opened = apr_pcalloc(own, sizeof(*opened));
    opened->pool = own;
    if (!prepare_file(opened, path, fqrn, create, error)) {
        apr_pool_destroy(own);
        return error_prefix(error, "reflog");
    }
    *reflog = opened;
    return true;
}

/* The hash column holds no type letter: it follows from the type. */
static void bind_object(sqlite3_stmt *statement, char text[HASH_TEXT_SIZE],
                        const struct object *object)
{
    hash_format(text, &object->hash);
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, number_of_type(object->type));
}

bool reflog_add(struct reflog *reflog, const struct object *object,
                int64_t timestamp_seconds, bool refresh, struct error *error)
{
    sqlite3_stmt *statement = refresh ? reflog->replace : reflog->insert;
    char text[HASH_TEXT_SIZE];

    if (number_of_type(object->type) == TYPE_COUNT || hash_is_null(&object->hash))
        return error_set(error, ERROR_USAGE,
                         "only root catalogs, certificates, tag databases and metainfo "
                         "objects belong into a reflog");
    bind_object(statement, text, object);
    sqlite3_bind_int64(statement, 3, timestamp_seconds);
    database_allow_work(reflog->database);
    return database_run(reflog->database, statement, error);
}

bool reflog_find(const struct reflog *reflog, const struct object *object,
                 int64_t *timestamp_seconds, bool *found, struct error *error)
{
    char text[HASH_TEXT_SIZE];
    bool good;

    bind_object(reflog->find, text, object);
    database_allow_work(reflog->database);
    good = database_step(reflog->database, reflog->find, found, error) &&
           (!*found || database_column_number(timestamp_seconds, reflog->database,
                                              reflog->find, 0, error));
    sqlite3_reset(reflog->find);
    return good;
}

bool reflog_contains(const struct reflog *reflog, const struct object *object,
                     bool *found, struct error *error)
{
    int64_t timestamp;

    return reflog_find(reflog, object, &timestamp, found, error);
}

bool reflog_remove(struct reflog *reflog, const struct object *object,
                   struct error *error)
{
    char text[HASH_TEXT_SIZE];

    bind_object(reflog->remove, text, object);
    database_allow_work(reflog->database);
    return database_run(reflog->database, reflog->remove, error);
}

bool reflog_compact(struct reflog *reflog, struct error *error)
{
    struct database *database = reflog->database;
    bool good;

    if (!database_execute(database, "COMMIT", error))
        return false;
    good = database_compact(database, error);
    return database_execute(database, "BEGIN IMMEDIATE", good ? error : NULL) && good;
}

bool reflog_close(struct reflog *reflog, struct error *error)
{
    bool good = database_execute(reflog->database, "COMMIT", error);

    apr_pool_destroy(reflog->pool);
    return good;
}

static bool read_reference(struct object *object, int64_t *timestamp_seconds,
                           struct database *database, sqlite3_stmt *row,
                           struct error *error)
{
    struct text hash;
    int64_t type;

    if (!database_column_text(&hash, database, row, 0, error) ||
        !database_column_number(&type, database, row, 1, error) ||
        !database_column_number(timestamp_seconds, database, row, 2, error))
        return false;
    if (type < 0 || type >= TYPE_COUNT || !hash_parse(&object->hash, hash))
        return database_damaged(database, error,
                                "a reference has no valid hash or an unknown type");
    object->type = types[type];
    return true;
}

bool reflog_each(struct reflog *reflog, reflog_visit *visit, void *baton,
                 struct error *error)
{
    static const char sql[] =
        "SELECT hash, type, timestamp FROM refs ORDER BY timestamp, hash";
    struct database *database = reflog->database;
    sqlite3_stmt *statement;
    struct object object;
    int64_t timestamp;
    apr_pool_t *pool;
    bool good, row;

    apr_pool_create(&pool, reflog->pool);
    database_allow_work(database);
    good = database_prepare(&statement, database, sql, pool, error);
    while (good && (good = database_step(database, statement, &row, error)) && row)
        good = read_reference(&object, &timestamp, database, statement, error) &&
               visit(baton, &object, timestamp, error);
    apr_pool_destroy(pool);
    return good;
}
