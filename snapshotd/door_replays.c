/* SPDX-License-Identifier: Apache-2.0 */
/* Signed requests that were seen. Those dated ahead of the clock are written down, too:
 * whoever starts after us would believe them once more. */
#include "snapshotd/door_internal.h"

#include <inttypes.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/format/database.h"

#define FILE_NAME   "signatures.sqlite"
#define REPLAYS_MAX 100000

/* The older half goes when the newer one is as old as a signature is believed. */
struct replays {
    pthread_mutex_t mutex;
    struct {
        apr_pool_t *pool;
        apr_hash_t *macs;
    } half[2];
    apr_time_t begun;   /* when half[0] was */
    int64_t not_before; /* only what is dated later is believed */
    const char *file;
};

static const char table[] = "CREATE TABLE IF NOT EXISTS signatures"
                            " (mac TEXT NOT NULL PRIMARY KEY, date INTEGER NOT NULL);";

static bool open_file(struct database **database, const char *path, apr_pool_t *pool,
                      struct error *error)
{
    struct database *made;

    if (access(path, F_OK) != 0) {
        /* Somebody else may be quicker. */
        if (database_open(&made, path, DATABASE_CREATE, pool, error))
            database_close(made, pool);
        else if (error->code != ERROR_EXISTS)
            return false;
    }
    return database_open(database, path, DATABASE_SHARED, pool, error) &&
           database_execute(*database, table, error);
}

static void remember(struct replays *replays, const char *mac)
{
    mac = apr_pstrdup(replays->half[0].pool, mac);
    apr_hash_set(replays->half[0].macs, mac, APR_HASH_KEY_STRING, mac);
}

static bool read_rows(struct replays *replays, struct database *database,
                      apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement;
    struct text mac;
    bool found;

    if (!database_prepare(&statement, database,
                          "SELECT mac FROM signatures WHERE date > ?1", pool, error))
        return false;
    sqlite3_bind_int64(statement, 1, replays->not_before);
    for (;;) {
        if (!database_step(database, statement, &found, error))
            return false;
        if (!found)
            return true;
        if (!database_column_text(&mac, database, statement, 0, error))
            return false;
        remember(replays, apr_pstrmemdup(pool, mac.bytes, mac.length));
    }
}

/* What cannot be read is waited for to be over. */
static void read_file(struct replays *replays)
{
    struct database *database;
    struct error error;
    apr_pool_t *pool;

    if (access(replays->file, F_OK) != 0)
        return;
    apr_pool_create(&pool, NULL);
    if (!open_file(&database, replays->file, pool, &error) ||
        !read_rows(replays, database, pool, &error)) {
        replays->not_before += apr_time_sec(ACCESS_DATE_TOLERANCE);
        log_write(LOG_LEVEL_ERROR, "signed requests wait for five minutes: %s",
                  error.message);
    }
    apr_pool_destroy(pool);
}

struct replays *replays_create(const char *spool, apr_pool_t *pool)
{
    struct replays *replays = apr_pcalloc(pool, sizeof(*replays));

    pthread_mutex_init(&replays->mutex, NULL);
    for (int i = 0; i < 2; i++) {
        apr_pool_create(&replays->half[i].pool, pool);
        replays->half[i].macs = apr_hash_make(replays->half[i].pool);
    }
    replays->begun = apr_time_now();
    replays->not_before = apr_time_sec(replays->begun);
    replays->file = apr_pstrcat(pool, spool, "/" FILE_NAME, NULL);
    read_file(replays);
    return replays;
}

static bool write_row(struct database *database, const char *mac, int64_t date,
                      int64_t now, apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *forget, *add;

    if (!database_prepare(&forget, database, "DELETE FROM signatures WHERE date < ?1",
                          pool, error) ||
        !database_prepare(&add, database,
                          "INSERT INTO signatures (mac, date) VALUES (?1, ?2)", pool,
                          error))
        return false;
    sqlite3_bind_int64(forget, 1, now);
    sqlite3_bind_text(add, 1, mac, -1, SQLITE_STATIC);
    sqlite3_bind_int64(add, 2, date);
    return database_execute(database, "BEGIN IMMEDIATE", error) &&
           database_run(database, forget, error) && database_run(database, add, error) &&
           database_execute(database, "COMMIT", error);
}

static bool write_down(const struct replays *replays, const char *mac, int64_t date,
                       int64_t now, struct error *error)
{
    struct database *database;
    apr_pool_t *pool;
    bool ok;

    apr_pool_create(&pool, NULL);
    ok = open_file(&database, replays->file, pool, error) &&
         write_row(database, mac, date, now, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

static void turn(struct replays *replays, apr_time_t now)
{
    apr_pool_t *pool = replays->half[1].pool;

    if (now < replays->begun + 2 * ACCESS_DATE_TOLERANCE)
        return;
    apr_pool_clear(pool);
    replays->half[1] = replays->half[0];
    replays->half[0].pool = pool;
    replays->half[0].macs = apr_hash_make(pool);
    replays->begun = now;
}

static bool note(struct replays *replays, const char *mac, int64_t date, apr_time_t now,
                 struct error *error)
{
    if (date <= replays->not_before)
        return error_set(error, ERROR_BAD_SIGNATURE,
                         "signed before snapshotd was started: sign it anew");
    turn(replays, now);
    for (int i = 0; i < 2; i++)
        if (apr_hash_get(replays->half[i].macs, mac, APR_HASH_KEY_STRING) != NULL)
            return error_set(error, ERROR_BAD_SIGNATURE,
                             "this request was sent before: sign it anew, with another "
                             "date or nonce");
    if (apr_hash_count(replays->half[0].macs) >= REPLAYS_MAX)
        return error_set(error, ERROR_BUSY, "too many signed requests");
    if (date > apr_time_sec(now) &&
        !write_down(replays, mac, date, apr_time_sec(now), error))
        return false;
    remember(replays, mac);
    return true;
}

bool replays_note(struct replays *replays, const char *mac, int64_t date, apr_time_t now,
                  struct error *error)
{
    bool ok;

    pthread_mutex_lock(&replays->mutex);
    ok = note(replays, mac, date, now, error);
    pthread_mutex_unlock(&replays->mutex);
    return ok;
}
