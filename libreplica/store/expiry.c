/* SPDX-License-Identifier: Apache-2.0 */
/* When files expire. */
#include "libreplica/store/expiry.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/database.h"

#define IDENTITY_SIZE (HASH_TEXT_SIZE + 48)

struct expiry {
    struct database *database;
    sqlite3_stmt *set, *find, *forget, *each, *next, *due, *forget_due, *claim, *release;
    sqlite3_stmt *note_directory, *find_directory, *forget_directory;
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS expiry (path TEXT NOT NULL, content TEXT NOT NULL,"
    " expires_at INTEGER NOT NULL, PRIMARY KEY (path, content));"
    "CREATE INDEX IF NOT EXISTS expiry_time ON expiry (expires_at);"
    "CREATE TABLE IF NOT EXISTS directories (path TEXT NOT NULL PRIMARY KEY,"
    " mtime INTEGER NOT NULL);";

static bool open_database(struct expiry *expiry, const char *path, apr_pool_t *pool,
                          struct error *error)
{
    struct database *made;
    struct error reason;

    if (database_open(&expiry->database, path, DATABASE_SHARED, pool, &reason))
        return true;
    if (reason.code != ERROR_NOT_FOUND) {
        *error = reason;
        return false;
    }
    /* Somebody else may be quicker. */
    if (database_open(&made, path, DATABASE_CREATE, pool, error))
        database_close(made, pool);
    else if (error->code != ERROR_EXISTS)
        return false;
    return database_open(&expiry->database, path, DATABASE_SHARED, pool, error);
}

static bool prepare(struct expiry *expiry, apr_pool_t *pool, struct error *error)
{
    const struct {
        sqlite3_stmt **statement;
        const char *sql;
    } statements[] = {
        {&expiry->set, "INSERT OR REPLACE INTO expiry (path, content, expires_at)"
                       " VALUES (?1, ?2, ?3)"},
        {&expiry->find, "SELECT expires_at FROM expiry WHERE path = ?1 AND content = ?2"},
        {&expiry->forget, "DELETE FROM expiry WHERE path = ?1 AND content <> ?2"},
        {&expiry->each, "SELECT path, content, abs(expires_at) FROM expiry"
                        " ORDER BY path, abs(expires_at)"},
        {&expiry->next, "SELECT expires_at FROM expiry ORDER BY expires_at LIMIT 1"},
        {&expiry->due, "SELECT path, content FROM expiry WHERE expires_at <= ?1"
                       " ORDER BY expires_at LIMIT ?2"},
        {&expiry->forget_due,
         "DELETE FROM expiry WHERE path = ?1 AND content = ?2 AND expires_at <= ?3"},
        {&expiry->claim, "UPDATE expiry SET expires_at = -expires_at WHERE path = ?1"
                         " AND content = ?2 AND expires_at BETWEEN 1 AND ?3"},
        {&expiry->release,
         "UPDATE expiry SET expires_at = -expires_at WHERE expires_at < 0"},
        {&expiry->note_directory,
         "INSERT OR REPLACE INTO directories (path, mtime) VALUES (?1, ?2)"},
        {&expiry->find_directory,
         "SELECT 1 FROM directories WHERE path = ?1 AND mtime = ?2"},
        {&expiry->forget_directory, "DELETE FROM directories WHERE path = ?1"},
    };

    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
        if (!database_prepare(statements[i].statement, expiry->database,
                              statements[i].sql, pool, error))
            return false;
    return true;
}

bool expiry_open(struct expiry **expiry, const char *spool, apr_pool_t *pool,
                 struct error *error)
{
    struct expiry *opened = apr_pcalloc(pool, sizeof(*opened));
    const char *path = apr_pstrcat(pool, spool, "/" EXPIRY_FILE_NAME, NULL);

    if (!open_database(opened, path, pool, error))
        return false;
    *expiry = opened;
    return database_execute(opened->database, tables, error) &&
           prepare(opened, pool, error);
}

void expiry_hash_chunk(struct hash *hash, const struct hash *chunk)
{
    char text[2 * HASH_TEXT_SIZE];

    hash_format(text, hash);
    hash_format(text + strlen(text), chunk);
    hash_bytes(hash, HASH_SHA1, text, strlen(text));
}

bool expiry_begin(struct expiry *expiry, struct error *error)
{
    return database_execute(expiry->database, "BEGIN IMMEDIATE", error);
}

bool expiry_end(struct expiry *expiry, bool went_well, struct error *error)
{
    struct error unused;

    if (went_well && database_execute(expiry->database, "COMMIT", error))
        return true;
    database_execute(expiry->database, "ROLLBACK", &unused);
    return false;
}

static void format_content(char identity[IDENTITY_SIZE],
                           const struct expiry_content *content)
{
    char hash[HASH_TEXT_SIZE];

    apr_snprintf(identity, IDENTITY_SIZE, "%" APR_INT64_T_FMT ".%" APR_INT64_T_FMT ".%s",
                 content->size, content->mtime_seconds,
                 hash_format(hash, &content->hash));
}

const char *expiry_content_text(const struct expiry_content *content, apr_pool_t *pool)
{
    char identity[IDENTITY_SIZE];

    format_content(identity, content);
    return apr_pstrdup(pool, identity);
}

static void bind_text(sqlite3_stmt *statement, int place, const char *text)
{
    sqlite3_bind_text(statement, place, text, -1, SQLITE_TRANSIENT);
}

static void bind_content(sqlite3_stmt *statement, const char *path,
                         const struct expiry_content *content)
{
    char identity[IDENTITY_SIZE] = "";

    if (content != NULL)
        format_content(identity, content);
    bind_text(statement, 1, path);
    bind_text(statement, 2, identity);
}

bool expiry_set(struct expiry *expiry, const char *path,
                const struct expiry_content *content, apr_time_t expires_at,
                struct error *error)
{
    bind_content(expiry->set, path, content);
    sqlite3_bind_int64(expiry->set, 3, expires_at);
    return database_run(expiry->database, expiry->set, error);
}

bool expiry_find(struct expiry *expiry, bool *found, apr_time_t *expires_at,
                 const char *path, const struct expiry_content *content,
                 struct error *error)
{
    int64_t value = 0;
    bool ok;

    bind_content(expiry->find, path, content);
    ok = database_step(expiry->database, expiry->find, found, error);
    if (ok && *found)
        ok = database_column_number(&value, expiry->database, expiry->find, 0, error);
    sqlite3_reset(expiry->find);
    *expires_at = value;
    return ok;
}

bool expiry_forget_others(struct expiry *expiry, const char *path,
                          const struct expiry_content *content, struct error *error)
{
    bind_content(expiry->forget, path, content);
    return database_run(expiry->database, expiry->forget, error);
}

bool expiry_next(struct expiry *expiry, bool *found, apr_time_t *expires_at,
                 struct error *error)
{
    int64_t value = 0;
    bool ok = database_step(expiry->database, expiry->next, found, error);

    if (ok && *found)
        ok = database_column_number(&value, expiry->database, expiry->next, 0, error);
    sqlite3_reset(expiry->next);
    *expires_at = value < 0 ? -value : value;
    return ok;
}

bool expiry_content_fits(const char *text, const struct expiry_content *content,
                         bool knows_hash)
{
    char identity[IDENTITY_SIZE];
    size_t length;

    format_content(identity, content);
    length =
        knows_hash ? sizeof(identity) : (size_t)(strrchr(identity, '.') - identity) + 1;
    return strncmp(identity, text, length) == 0;
}

static bool take_record(struct expiry_record *record, struct expiry *expiry,
                        sqlite3_stmt *statement, apr_pool_t *pool, struct error *error)
{
    struct text path, content;

    if (!database_column_text(&path, expiry->database, statement, 0, error) ||
        !database_column_text(&content, expiry->database, statement, 1, error))
        return false;
    record->path = apr_pstrmemdup(pool, path.bytes, path.length);
    record->content = apr_pstrmemdup(pool, content.bytes, content.length);
    return true;
}

static bool visit_record(struct expiry *expiry, expiry_visit *visit, void *baton,
                         apr_pool_t *pool, struct error *error)
{
    struct expiry_record record;
    int64_t expires_at;

    return take_record(&record, expiry, expiry->each, pool, error) &&
           database_column_number(&expires_at, expiry->database, expiry->each, 2,
                                  error) &&
           visit(baton, &record, expires_at, error);
}

bool expiry_each(struct expiry *expiry, expiry_visit *visit, void *baton,
                 apr_pool_t *pool, struct error *error)
{
    bool ok, found = false;
    apr_pool_t *each;

    apr_pool_create(&each, pool);
    do {
        apr_pool_clear(each);
        ok = database_step(expiry->database, expiry->each, &found, error) &&
             (!found || visit_record(expiry, visit, baton, each, error));
    } while (ok && found);
    sqlite3_reset(expiry->each);
    apr_pool_destroy(each);
    return ok;
}

bool expiry_due(apr_array_header_t **records, struct expiry *expiry, apr_time_t now,
                int limit, apr_pool_t *pool, struct error *error)
{
    bool ok, found = false;

    *records = apr_array_make(pool, 16, sizeof(struct expiry_record));
    sqlite3_bind_int64(expiry->due, 1, now);
    sqlite3_bind_int(expiry->due, 2, limit);
    do {
        ok = database_step(expiry->database, expiry->due, &found, error) &&
             (!found ||
              take_record(apr_array_push(*records), expiry, expiry->due, pool, error));
    } while (ok && found);
    sqlite3_reset(expiry->due);
    return ok;
}

static bool run_for_due(struct expiry *expiry, sqlite3_stmt *statement,
                        const struct expiry_record *record, apr_time_t now,
                        struct error *error)
{
    bind_text(statement, 1, record->path);
    bind_text(statement, 2, record->content);
    sqlite3_bind_int64(statement, 3, now);
    return database_run(expiry->database, statement, error);
}

bool expiry_claim(struct expiry *expiry, const struct expiry_record *record,
                  apr_time_t now, struct error *error)
{
    return run_for_due(expiry, expiry->claim, record, now, error);
}

bool expiry_release(struct expiry *expiry, struct error *error)
{
    return database_run(expiry->database, expiry->release, error);
}

bool expiry_forget_due(struct expiry *expiry, const struct expiry_record *record,
                       apr_time_t now, struct error *error)
{
    return run_for_due(expiry, expiry->forget_due, record, now, error);
}

bool expiry_note_directory(struct expiry *expiry, const char *path, int64_t mtime_seconds,
                           struct error *error)
{
    bind_text(expiry->note_directory, 1, path);
    sqlite3_bind_int64(expiry->note_directory, 2, mtime_seconds);
    return database_run(expiry->database, expiry->note_directory, error);
}

bool expiry_find_directory(struct expiry *expiry, bool *found, const char *path,
                           int64_t mtime_seconds, struct error *error)
{
    bool ok;

    bind_text(expiry->find_directory, 1, path);
    sqlite3_bind_int64(expiry->find_directory, 2, mtime_seconds);
    ok = database_step(expiry->database, expiry->find_directory, found, error);
    sqlite3_reset(expiry->find_directory);
    return ok;
}

bool expiry_forget_directory(struct expiry *expiry, const char *path, struct error *error)
{
    bind_text(expiry->forget_directory, 1, path);
    return database_run(expiry->database, expiry->forget_directory, error);
}
