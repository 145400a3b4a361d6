/* SPDX-License-Identifier: Apache-2.0 */
/* Opening SQLite databases with everything off that a foreign one could abuse. */
#include "libreplica/format/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

/* Reading a row takes about one instruction for each of its bytes; this is far more. */
#define WORK_PER_BYTE 64
#define WORK_FLOOR    (2 * 1000 * 1000)
/* For parsing the schema: enough for a few thousand tables where at most eight belong. */
#define WORK_FOR_SCHEMA 50000
#define WORK_INTERVAL   1000

/* Longer than any transaction of ours on a slow disk. */
#define BUSY_MILLISECONDS 10000

static const struct {
    int id;
    int value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, 1024 * 1024}, {SQLITE_LIMIT_SQL_LENGTH, 64 * 1024},
    {SQLITE_LIMIT_COLUMN, 64},          {SQLITE_LIMIT_EXPR_DEPTH, 20},
    {SQLITE_LIMIT_COMPOUND_SELECT, 2},  {SQLITE_LIMIT_VDBE_OP, 10000},
    {SQLITE_LIMIT_FUNCTION_ARG, 8},     {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 16}, {SQLITE_LIMIT_TRIGGER_DEPTH, 1},
    {SQLITE_LIMIT_WORKER_THREADS, 0},   {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64},
};

/* No automatic_index: where the index that belongs is missing, a scan that runs out of
 * work is better than an index in memory. */
static const char pragmas[] = "PRAGMA cell_size_check=ON;"
                              "PRAGMA mmap_size=0;"
                              "PRAGMA cache_size=-512;"
                              "PRAGMA automatic_index=OFF;";

/* Views and triggers are off in these, too, but their author is ourselves. */
static const char scratch_pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
                                      "PRAGMA journal_mode=TRUNCATE;"
                                      "PRAGMA synchronous=OFF;"
                                      "PRAGMA cache_size=-8192;"
                                      "PRAGMA foreign_keys=ON;";

/* No second file that readers have to write to, as a write-ahead log would need; and the
 * journal keeps its owner, of whatever user's process wrote first. */
static const char shared_pragmas[] = "PRAGMA journal_mode=TRUNCATE;"
                                     "PRAGMA synchronous=FULL;";

static bool is_new(enum database_mode mode)
{
    return mode == DATABASE_CREATE || mode == DATABASE_SCRATCH_NEW;
}

static bool is_scratch(enum database_mode mode)
{
    return mode == DATABASE_SCRATCH || mode == DATABASE_SCRATCH_NEW;
}

static bool is_shared(enum database_mode mode)
{
    return mode == DATABASE_SHARED || mode == DATABASE_SHARED_READ;
}

static int count_work(void *baton)
{
    struct database *database = baton;

    database->work_left -= WORK_INTERVAL;
    return database->work_left < 0;
}

void database_allow_work(struct database *database)
{
    database->work_left = WORK_FLOOR + database->file_size * WORK_PER_BYTE;
}

static apr_status_t close_handle(void *baton)
{
    struct database *database = baton;

    sqlite3_finalize(database->table_check);
    sqlite3_finalize(database->property);
    sqlite3_close_v2(database->handle);
    database->table_check = database->property = NULL;
    database->handle = NULL;
    return APR_SUCCESS;
}

void database_close(struct database *database, apr_pool_t *pool)
{
    apr_pool_cleanup_run(pool, database, close_handle);
}

/* "file:" and the path with everything escaped that an URI could take for its own. */
static const char *uri_of(const char *path, enum database_mode mode, apr_pool_t *pool)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                               "0123456789/._-";
    char *escaped = apr_palloc(pool, 3 * strlen(path) + 1), *end = escaped;

    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;

        if (strchr(safe, c) != NULL)
            *end++ = (char)c;
        else
            end += apr_snprintf(end, 4, "%%%02X", (unsigned int)c);
    }
    *end = '\0';
    return apr_pstrcat(pool, "file:", escaped,
                       mode == DATABASE_READ          ? "?mode=ro&immutable=1"
                       : mode == DATABASE_SHARED_READ ? "?mode=ro"
                                                      : "?mode=rw",
                       NULL);
}

static bool find_file(struct database *database, enum database_mode mode,
                      struct error *error)
{
    struct stat status;
    int flags = is_new(mode) ? O_RDWR | O_CREAT | O_EXCL : O_RDONLY;
    int file = open(database->path, flags | O_CLOEXEC, 0666);

    if (file < 0)
        return error_set_errno(error, errno, "cannot open database %s", database->path);
    if (fstat(file, &status) != 0) {
        error_set_errno(error, errno, "cannot look at database %s", database->path);
        close(file);
        return false;
    }
    close(file);
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_BAD_FORMAT, "%s is not a file", database->path);
    database->file_size = status.st_size;
    return true;
}

static bool fail(struct database *database, struct error *error)
{
    int status = sqlite3_errcode(database->handle) & 0xFF;

    switch (status) {
    case SQLITE_INTERRUPT:
        return database_damaged(database, error,
                                "reading it takes more work than its size can justify");
    case SQLITE_CONSTRAINT:
        return error_set(error, ERROR_EXISTS, "database %s: %s", database->path,
                         sqlite3_errmsg(database->handle));
    case SQLITE_FULL:
        return error_set(error, ERROR_NO_SPACE, "database %s: no space left",
                         database->path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (sqlite3_system_errno(database->handle) != 0)
            return error_set_errno(error, sqlite3_system_errno(database->handle),
                                   "cannot use database %s", database->path);
        /* fall through */
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_BUSY:
        return error_set(error, ERROR_IO, "database %s: %s", database->path,
                         sqlite3_errmsg(database->handle));
    default:
        return database_damaged(database, error, "%s", sqlite3_errmsg(database->handle));
    }
}

static bool harden(struct database *database, enum database_mode mode,
                   struct error *error)
{
    sqlite3 *handle = database->handle;

    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (is_scratch(mode))
        return database_execute(database, scratch_pragmas, error);
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        sqlite3_limit(handle, limits[i].id, limits[i].value);
    sqlite3_progress_handler(handle, WORK_INTERVAL, count_work, database);
    if (is_shared(mode))
        sqlite3_busy_timeout(handle, BUSY_MILLISECONDS);
    return database_execute(database, pragmas, error) &&
           (mode != DATABASE_SHARED || database_execute(database, shared_pragmas, error));
}

bool database_open(struct database **database, const char *path, enum database_mode mode,
                   apr_pool_t *pool, struct error *error)
{
    struct database *opened = apr_pcalloc(pool, sizeof(*opened));
    bool reads = mode == DATABASE_READ || mode == DATABASE_SHARED_READ;
    int flags = reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    bool works;

    opened->path = apr_pstrdup(pool, path);
    if (!find_file(opened, mode, error))
        return false;
    works = sqlite3_open_v2(uri_of(path, mode, pool), &opened->handle,
                            flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
                                SQLITE_OPEN_PRIVATECACHE,
                            NULL) == SQLITE_OK;
    apr_pool_cleanup_register(pool, opened, close_handle, apr_pool_cleanup_null);
    opened->work_left = WORK_FOR_SCHEMA;
    if (!works)
        fail(opened, error);
    works = works && harden(opened, mode, error) &&
            database_execute(opened, "SELECT count(*) FROM sqlite_schema", error);
    database_allow_work(opened);
    if (!works)
        database_close(opened, pool);
    else
        *database = opened;
    return works;
}

bool database_damaged(struct database *database, struct error *error, const char *format,
                      ...)
{
    char reason[ERROR_MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return error_set(error, ERROR_BAD_FORMAT, "database %s: %s", database->path, reason);
}

static apr_status_t finalize(void *statement)
{
    sqlite3_finalize(statement);
    return APR_SUCCESS;
}

bool database_prepare(sqlite3_stmt **statement, struct database *database,
                      const char *sql, apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *prepared;

    if (sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_NO_VTAB, &prepared,
                           NULL) != SQLITE_OK)
        return fail(database, error);
    apr_pool_cleanup_register(pool, prepared, finalize, apr_pool_cleanup_null);
    *statement = prepared;
    return true;
}

bool database_step(struct database *database, sqlite3_stmt *statement, bool *row,
                   struct error *error)
{
    int status = sqlite3_step(statement);

    *row = status == SQLITE_ROW;
    if (status == SQLITE_ROW)
        return true;
    if (status != SQLITE_DONE) {
        fail(database, error);
        sqlite3_reset(statement);
        return false;
    }
    sqlite3_reset(statement);
    return true;
}

bool database_run(struct database *database, sqlite3_stmt *statement, struct error *error)
{
    bool row;
    bool done = database_step(database, statement, &row, error);

    sqlite3_reset(statement);
    return done;
}

bool database_execute(struct database *database, const char *sql, struct error *error)
{
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(database, error);
    return true;
}

bool database_compact(struct database *database, struct error *error)
{
    bool done;

    /* It attaches a database of its own. */
    sqlite3_limit(database->handle, SQLITE_LIMIT_ATTACHED, 1);
    database_allow_work(database);
    done = database_execute(database, "VACUUM", error);
    sqlite3_limit(database->handle, SQLITE_LIMIT_ATTACHED, 0);
    return done;
}
