/* SPDX-License-Identifier: Apache-2.0 */
/* The event log, in SQLite. */
#include "libreplica/events/event_log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/database.h"
#include "libreplica/store/file.h"

#define FILE_MODE   0664
#define FOLDER_MODE 0775
/* Old events go in heaps: each time costs a look at all. */
#define PRUNE_EVERY 64

#define COLUMNS "sequence, topic, kind, revision, mark, time, source, payload"

/* A process that closes any descriptor of a file gives up its locks on all of them, so
 * within one the log is open once at a time. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    " topic TEXT NOT NULL, kind INTEGER NOT NULL, revision INTEGER NOT NULL,"
    " mark TEXT NOT NULL, time INTEGER NOT NULL, source TEXT NOT NULL,"
    " payload BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS events_topic ON events (topic, sequence);";

static const char *const kind_names[] = {
    [EVENT_ACTIVITY] = "activity",
    [EVENT_OBJECT] = "object",
    [EVENT_ORIGIN] = "origin",
    [EVENT_JOB] = "job",
};

const char *event_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

/* An empty file is an empty database. Whoever of the log's group comes later has to be
 * able to write to it, whatever our umask. */
static bool make_file(const char *path, apr_pool_t *pool, struct error *error)
{
    const char *slash = strrchr(path, '/');
    int file;

    if (access(path, F_OK) == 0)
        return true;
    if (slash != NULL && slash != path &&
        !file_make_directory(apr_pstrmemdup(pool, path, (size_t)(slash - path)),
                             FOLDER_MODE, pool, error))
        return false;
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (file < 0)
        return errno == EEXIST || error_set_errno(error, errno, "cannot create %s", path);
    if (fchmod(file, FILE_MODE) != 0) {
        error_set_errno(error, errno, "cannot change the mode of %s", path);
        close(file);
        return false;
    }
    close(file);
    return true;
}

/* Sequences of a file that takes the place of a lost one have to go on from there: no log
 * ever had more events than there were milliseconds. */
static bool make_tables(struct database *database, apr_pool_t *pool, struct error *error)
{
    const char *start = apr_psprintf(
        pool,
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', %" APR_INT64_T_FMT
        " WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')",
        (apr_int64_t)apr_time_as_msec(apr_time_now()));

    return database_execute(database, schema, error) &&
           database_execute(database, start, error);
}

static bool take_row(struct event_record *event, struct database *database,
                     sqlite3_stmt *statement, apr_pool_t *pool, struct error *error)
{
    struct text topic, mark, source, payload;
    int64_t kind, when;

    if (!database_column_number(&event->sequence, database, statement, 0, error) ||
        !database_column_text(&topic, database, statement, 1, error) ||
        !database_column_number(&kind, database, statement, 2, error) ||
        !database_column_number(&event->revision, database, statement, 3, error) ||
        !database_column_text(&mark, database, statement, 4, error) ||
        !database_column_number(&when, database, statement, 5, error) ||
        !database_column_text(&source, database, statement, 6, error) ||
        !database_column_blob(&payload, database, statement, 7, error))
        return false;
    if (kind < EVENT_ACTIVITY || kind > EVENT_JOB || payload.length > EVENT_PAYLOAD_MAX)
        return database_damaged(database, error, "a row that no program of ours wrote");
    event->topic = apr_pstrmemdup(pool, topic.bytes, topic.length);
    event->kind = (enum event_kind)kind;
    event->mark = apr_pstrmemdup(pool, mark.bytes, mark.length);
    event->time = when;
    event->source = apr_pstrmemdup(pool, source.bytes, source.length);
    event->payload.bytes = apr_pstrmemdup(pool, payload.bytes, payload.length);
    event->payload.length = payload.length;
    return true;
}

static bool find_last(struct event_record **event, struct database *database,
                      const char *topic, apr_pool_t *pool, struct error *error)
{
    struct event_record *found = apr_pcalloc(pool, sizeof(*found));
    sqlite3_stmt *statement;
    bool row;

    *event = NULL;
    if (!database_prepare(&statement, database,
                          "SELECT " COLUMNS " FROM events WHERE topic = ?1"
                          " ORDER BY sequence DESC LIMIT 1",
                          pool, error))
        return false;
    sqlite3_bind_text(statement, 1, topic, -1, SQLITE_STATIC);
    if (!database_step(database, statement, &row, error) ||
        (row && !take_row(found, database, statement, pool, error)))
        return false;
    if (row)
        *event = found;
    sqlite3_reset(statement);
    return true;
}

static bool insert(int64_t *sequence, struct database *database,
                   const struct event_record *event, apr_pool_t *pool,
                   struct error *error)
{
    sqlite3_stmt *statement;

    if (!database_prepare(&statement, database,
                          "INSERT INTO events (topic, kind, revision, mark, time, source,"
                          " payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                          pool, error))
        return false;
    sqlite3_bind_text(statement, 1, event->topic, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, (int)event->kind);
    sqlite3_bind_int64(statement, 3, event->revision);
    sqlite3_bind_text(statement, 4, event->mark, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, event->time);
    sqlite3_bind_text(statement, 6, event->source, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 7, event->payload.bytes, (int)event->payload.length,
                      SQLITE_STATIC);
    if (!database_run(database, statement, error))
        return false;
    *sequence = sqlite3_last_insert_rowid(database->handle);
    return true;
}

/* The same revision, signed anew: the old signature may not be good for long. */
static bool refresh(struct database *database, int64_t sequence, struct text payload,
                    apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement;

    if (!database_prepare(&statement, database,
                          "UPDATE events SET payload = ?2 WHERE sequence = ?1", pool,
                          error))
        return false;
    sqlite3_bind_int64(statement, 1, sequence);
    sqlite3_bind_blob(statement, 2, payload.bytes, (int)payload.length, SQLITE_STATIC);
    return database_run(database, statement, error);
}

static bool prune(struct database *database, int64_t last, apr_pool_t *pool,
                  struct error *error)
{
    sqlite3_stmt *statement;

    if (last % PRUNE_EVERY != 0)
        return true;
    if (!database_prepare(&statement, database,
                          "DELETE FROM events WHERE sequence <= ?1 AND sequence NOT IN"
                          " (SELECT max(sequence) FROM events GROUP BY topic)",
                          pool, error))
        return false;
    sqlite3_bind_int64(statement, 1, last - EVENT_LOG_KEPT);
    return database_run(database, statement, error);
}

static bool append(enum event_fate *fate, int64_t *sequence, struct database *database,
                   const struct event_record *event, apr_pool_t *pool,
                   struct error *error)
{
    struct event_record *last;

    if (!make_tables(database, pool, error) ||
        !find_last(&last, database, event->topic, pool, error))
        return false;
    *fate = EVENT_STORED;
    *sequence = 0;
    if (last != NULL && strcmp(last->mark, event->mark) == 0) {
        *fate = EVENT_KNOWN;
        *sequence = last->sequence;
        return text_is_same(last->payload, event->payload) ||
               refresh(database, last->sequence, event->payload, pool, error);
    }
    if (last != NULL && event->revision < last->revision) {
        *fate = EVENT_OLDER;
        return true;
    }
    return insert(sequence, database, event, pool, error) &&
           prune(database, *sequence, pool, error);
}

static bool append_in_transaction(enum event_fate *fate, int64_t *sequence,
                                  const char *path, const struct event_record *event,
                                  apr_pool_t *pool, struct error *error)
{
    struct database *database;

    if (!make_file(path, pool, error) ||
        !database_open(&database, path, DATABASE_SHARED, pool, error) ||
        !database_execute(database, "BEGIN IMMEDIATE", error))
        return false;
    if (append(fate, sequence, database, event, pool, error) &&
        database_execute(database, "COMMIT", error))
        return true;
    database_execute(database, "ROLLBACK", NULL);
    return false;
}

bool event_log_append(enum event_fate *fate, int64_t *sequence, const char *path,
                      const struct event_record *event, apr_pool_t *pool,
                      struct error *error)
{
    int64_t unused;
    apr_pool_t *own;
    bool ok;

    if (event->payload.length > EVENT_PAYLOAD_MAX)
        return error_set(error, ERROR_TOO_LARGE, "an event of more than %d bytes",
                         EVENT_PAYLOAD_MAX);
    apr_pool_create(&own, pool);
    pthread_mutex_lock(&one_at_a_time);
    ok = append_in_transaction(fate, sequence != NULL ? sequence : &unused, path, event,
                               own, error);
    apr_pool_destroy(own);
    pthread_mutex_unlock(&one_at_a_time);
    return ok || error_prefix(error, "event log");
}

/* Which rows; the statement's parameters are SINCE and TOPIC. */
struct selection {
    const char *sql;
    int64_t since;
    const char *topic;
    const apr_array_header_t *topics;
    int limit;
};

static bool is_wanted(const char *topic, const apr_array_header_t *topics)
{
    bool wanted = topics == NULL;

    for (int i = 0; !wanted && i < topics->nelts; i++)
        wanted = strcmp(topic, APR_ARRAY_IDX(topics, i, const char *)) == 0;
    return wanted;
}

static bool select_rows(apr_array_header_t *events, struct database *database,
                        const struct selection *selection, apr_pool_t *own,
                        apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement;
    bool row = true;

    if (!database_prepare(&statement, database, selection->sql, own, error))
        return false;
    sqlite3_bind_int64(statement, 1, selection->since);
    if (selection->topic != NULL)
        sqlite3_bind_text(statement, 2, selection->topic, -1, SQLITE_STATIC);
    while (events->nelts < selection->limit) {
        struct event_record event = {0};

        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            break;
        if (!take_row(&event, database, statement, pool, error))
            return false;
        if (is_wanted(event.topic, selection->topics))
            APR_ARRAY_PUSH(events, struct event_record) = event;
    }
    sqlite3_reset(statement);
    return true;
}

/* A writer that died within its transaction leaves a journal that only one who may write
 * can take back. */
static bool open_to_read(struct database **database, const char *path, apr_pool_t *pool,
                         struct error *error)
{
    return database_open(database, path, DATABASE_SHARED_READ, pool, error) ||
           (error->code == ERROR_IO &&
            database_open(database, path, DATABASE_SHARED, pool, error));
}

static bool read_rows(apr_array_header_t *events, const char *path,
                      const struct selection *selection, apr_pool_t *own,
                      apr_pool_t *pool, struct error *error)
{
    struct database *database;
    struct error reason;
    struct stat status;

    if (stat(path, &status) != 0 && errno == ENOENT)
        return true;
    if (!open_to_read(&database, path, own, &reason))
        return reason.code == ERROR_NOT_FOUND ||
               error_set(error, reason.code, "%s", reason.message);
    /* Just made, by a writer that has not come further. */
    if (!database_check_table(database, "events", NULL))
        return database->file_size == 0 ||
               database_check_table(database, "events", error);
    return select_rows(events, database, selection, own, pool, error);
}

static bool read_selection(apr_array_header_t **events, const char *path,
                           const struct selection *selection, apr_pool_t *pool,
                           struct error *error)
{
    apr_pool_t *own;
    bool ok;

    *events = apr_array_make(pool, 8, sizeof(struct event_record));
    apr_pool_create(&own, pool);
    pthread_mutex_lock(&one_at_a_time);
    ok = read_rows(*events, path, selection, own, pool, error);
    apr_pool_destroy(own);
    pthread_mutex_unlock(&one_at_a_time);
    return ok || error_prefix(error, "event log");
}

bool event_log_read(apr_array_header_t **events, const char *path, int64_t since,
                    const apr_array_header_t *topics, int limit, apr_pool_t *pool,
                    struct error *error)
{
    struct selection selection = {
        .sql = "SELECT " COLUMNS " FROM events WHERE sequence > ?1 ORDER BY sequence",
        .since = since,
        .topics = topics,
        .limit = limit,
    };

    return read_selection(events, path, &selection, pool, error);
}

bool event_log_last(struct event_record **event, const char *path, const char *topic,
                    apr_pool_t *pool, struct error *error)
{
    struct selection selection = {
        .sql = "SELECT " COLUMNS " FROM events WHERE sequence > ?1 AND topic = ?2"
               " ORDER BY sequence DESC LIMIT 1",
        .since = -1,
        .topic = topic,
        .limit = 1,
    };
    apr_array_header_t *events;

    if (!read_selection(&events, path, &selection, pool, error))
        return false;
    *event = events->nelts > 0 ? &APR_ARRAY_IDX(events, 0, struct event_record) : NULL;
    return true;
}

bool event_log_retained(apr_array_header_t **events, const char *path, apr_pool_t *pool,
                        struct error *error)
{
    struct selection selection = {
        .sql = "SELECT " COLUMNS " FROM events WHERE sequence > ?1 AND sequence IN"
               " (SELECT max(sequence) FROM events GROUP BY topic) ORDER BY sequence",
        .since = -1,
        .limit = INT32_MAX,
    };

    return read_selection(events, path, &selection, pool, error);
}
