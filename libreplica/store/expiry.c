/* SPDX-License-Identifier: Apache-2.0 */
/* When files expire. */
#include "libreplica/store/expiry.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/database.h"

#define IDENTITY_SIZE (HASH_TEXT_SIZE + 48)
#define BUSY_MS       5000

struct expiry {
    struct database *database;
    sqlite3_stmt *set, *find, *forget;
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS expiry (path TEXT NOT NULL, content TEXT NOT NULL,"
    " expires_at INTEGER NOT NULL, PRIMARY KEY (path, content));"
    "CREATE INDEX IF NOT EXISTS expiry_time ON expiry (expires_at);";

static bool open_database(struct expiry *expiry, const char *path, apr_pool_t *pool,
                          struct error *error)
{
    struct error reason;

    if (database_open(&expiry->database, path, DATABASE_CHANGE, pool, &reason))
        return true;
    if (reason.code != ERROR_NOT_FOUND) {
        *error = reason;
        return false;
    }
    /* Somebody else may be quicker. */
    return database_open(&expiry->database, path, DATABASE_CREATE, pool, error) ||
           (error->code == ERROR_EXISTS &&
            database_open(&expiry->database, path, DATABASE_CHANGE, pool, error));
}

bool expiry_open(struct expiry **expiry, const char *spool, apr_pool_t *pool,
                 struct error *error)
{
    struct expiry *opened = apr_pcalloc(pool, sizeof(*opened));
    const char *path = apr_pstrcat(pool, spool, "/" EXPIRY_FILE_NAME, NULL);

    if (!open_database(opened, path, pool, error))
        return false;
    sqlite3_busy_timeout(opened->database->handle, BUSY_MS);
    *expiry = opened;
    return database_execute(opened->database, "PRAGMA synchronous=FULL", error) &&
           database_execute(opened->database, tables, error) &&
           database_prepare(&opened->set, opened->database,
                            "INSERT OR REPLACE INTO expiry (path, content, expires_at)"
                            " VALUES (?1, ?2, ?3)",
                            pool, error) &&
           database_prepare(&opened->find, opened->database,
                            "SELECT expires_at FROM expiry WHERE path = ?1 AND"
                            " content = ?2",
                            pool, error) &&
           database_prepare(&opened->forget, opened->database,
                            "DELETE FROM expiry WHERE path = ?1 AND content <> ?2", pool,
                            error);
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

static void bind_content(sqlite3_stmt *statement, const char *path,
                         const struct expiry_content *content)
{
    char identity[IDENTITY_SIZE] = "", hash[HASH_TEXT_SIZE];

    if (content != NULL)
        apr_snprintf(identity, sizeof(identity),
                     "%" APR_INT64_T_FMT ".%" APR_INT64_T_FMT ".%s", content->size,
                     content->mtime_seconds, hash_format(hash, &content->hash));
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, identity, -1, SQLITE_TRANSIENT);
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
