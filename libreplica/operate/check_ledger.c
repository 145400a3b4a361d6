/* SPDX-License-Identifier: Apache-2.0 */
/* What a check knows of the catalogs it met. */
#include "libreplica/operate/check_ledger.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/database.h"

enum { ADD, FIND, NEXT, PATH, NOTE, LINK, SPOIL, WHOLE, STATEMENTS };

static const char *const statements[STATEMENTS] = {
    [ADD] = "INSERT OR IGNORE INTO catalogs (hash, path, size, is_nested, is_judged)"
            " VALUES (?1, ?2, ?3, ?4, ?5)",
    [FIND] = "SELECT id, path FROM catalogs WHERE hash = ?1",
    [NEXT] = "SELECT id, hash, path, size, is_nested, is_judged FROM catalogs"
             " WHERE id > ?1 ORDER BY id LIMIT 1",
    [PATH] = "SELECT path FROM catalogs WHERE id = ?1",
    [NOTE] = "UPDATE catalogs SET root = ?2, counters = ?3 WHERE id = ?1",
    [LINK] =
        "INSERT OR IGNORE INTO links (parent, child, mountpoint) VALUES (?1, ?2, ?3)",
    [SPOIL] = "UPDATE catalogs SET is_spoiled = 1 WHERE id = ?1",
    [WHOLE] = "WITH RECURSIVE below(id) AS (SELECT ?1 UNION SELECT l.child"
              " FROM below AS b CROSS JOIN links AS l ON l.parent = b.id)"
              " SELECT 1 FROM below AS b CROSS JOIN catalogs AS c ON c.id = b.id"
              " WHERE c.is_spoiled LIMIT 1",
};

/* A crash costs the check, not the ledger: nothing is synced. */
static const char schema[] =
    "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-4096;"
    "CREATE TABLE catalogs (id INTEGER PRIMARY KEY, hash TEXT UNIQUE, path TEXT,"
    " size INTEGER, is_nested INTEGER, is_judged INTEGER, root TEXT, counters BLOB,"
    " is_spoiled INTEGER DEFAULT 0);"
    "CREATE TABLE links (parent INTEGER, child INTEGER, mountpoint TEXT,"
    " PRIMARY KEY (parent, child)) WITHOUT ROWID;"
    "BEGIN;";

struct check_ledger {
    struct database *database;
    sqlite3_stmt *statements[STATEMENTS];
    int64_t last; /* given by check_ledger_next */
};

bool check_ledger_create(struct check_ledger **ledger, const char *path, apr_pool_t *pool,
                         struct error *error)
{
    struct check_ledger *made = apr_pcalloc(pool, sizeof(*made));

    if (!database_open(&made->database, path, DATABASE_CREATE, pool, error) ||
        !database_execute(made->database, schema, error))
        return false;
    for (int i = 0; i < STATEMENTS; i++)
        if (!database_prepare(&made->statements[i], made->database, statements[i], pool,
                              error))
            return false;
    *ledger = made;
    return true;
}

/* A statement to be bound and run. */
static sqlite3_stmt *take(struct check_ledger *ledger, int which)
{
    database_allow_work(ledger->database);
    sqlite3_reset(ledger->statements[which]);
    return ledger->statements[which];
}

static bool copy_text(const char **string, struct check_ledger *ledger, sqlite3_stmt *row,
                      int column, apr_pool_t *pool, struct error *error)
{
    struct text text;

    if (!database_column_text(&text, ledger->database, row, column, error))
        return false;
    *string = apr_pstrmemdup(pool, text.bytes, text.length);
    return true;
}

static void bind_hash(sqlite3_stmt *statement, const struct hash *hash)
{
    char text[HASH_TEXT_SIZE];

    sqlite3_bind_text(statement, 1, hash_format(text, hash), -1, SQLITE_TRANSIENT);
}

bool check_ledger_add(struct check_ledger *ledger, struct check_ledger_entry *entry,
                      const char **known_path, apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *add = take(ledger, ADD), *find;
    bool row;

    bind_hash(add, &entry->hash);
    sqlite3_bind_text(add, 2, entry->path, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(add, 3, entry->size);
    sqlite3_bind_int(add, 4, entry->is_nested);
    sqlite3_bind_int(add, 5, entry->is_judged);
    if (!database_run(ledger->database, add, error))
        return false;
    find = take(ledger, FIND);
    bind_hash(find, &entry->hash);
    return database_step(ledger->database, find, &row, error) &&
           database_column_number(&entry->id, ledger->database, find, 0, error) &&
           copy_text(known_path, ledger, find, 1, pool, error);
}

static bool read_entry(struct check_ledger_entry *entry, struct check_ledger *ledger,
                       sqlite3_stmt *row, apr_pool_t *pool, struct error *error)
{
    int64_t is_nested, is_judged;
    const char *hash;

    if (!database_column_number(&entry->id, ledger->database, row, 0, error) ||
        !copy_text(&hash, ledger, row, 1, pool, error) ||
        !copy_text(&entry->path, ledger, row, 2, pool, error) ||
        !database_column_number(&entry->size, ledger->database, row, 3, error) ||
        !database_column_number(&is_nested, ledger->database, row, 4, error) ||
        !database_column_number(&is_judged, ledger->database, row, 5, error))
        return false;
    entry->is_nested = is_nested != 0;
    entry->is_judged = is_judged != 0;
    return hash_parse(&entry->hash, text_of(hash)) ||
           database_damaged(ledger->database, error, "'%s' is no hash", hash);
}

bool check_ledger_next(struct check_ledger *ledger, struct check_ledger_entry *entry,
                       bool *more, apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *next = take(ledger, NEXT);

    sqlite3_bind_int64(next, 1, ledger->last);
    if (!database_step(ledger->database, next, more, error))
        return false;
    if (!*more)
        return true;
    if (!read_entry(entry, ledger, next, pool, error))
        return false;
    ledger->last = entry->id;
    return true;
}

bool check_ledger_has(struct check_ledger *ledger, const struct hash *hash, bool *found,
                      struct error *error)
{
    sqlite3_stmt *find = take(ledger, FIND);

    bind_hash(find, hash);
    return database_step(ledger->database, find, found, error);
}

bool check_ledger_path(const char **path, struct check_ledger *ledger, int64_t id,
                       apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *find = take(ledger, PATH);
    bool found;

    *path = "";
    sqlite3_bind_int64(find, 1, id);
    return database_step(ledger->database, find, &found, error) &&
           (!found || copy_text(path, ledger, find, 0, pool, error));
}

bool check_ledger_note(struct check_ledger *ledger, int64_t id, const char *row,
                       const struct catalog_statistics *counters, struct error *error)
{
    sqlite3_stmt *note = take(ledger, NOTE);

    sqlite3_bind_int64(note, 1, id);
    sqlite3_bind_text(note, 2, row, -1, SQLITE_TRANSIENT);
    sqlite3_bind_blob(note, 3, counters, sizeof(*counters), SQLITE_TRANSIENT);
    return database_run(ledger->database, note, error);
}

bool check_ledger_link(struct check_ledger *ledger, int64_t parent, int64_t child,
                       const char *row, struct error *error)
{
    sqlite3_stmt *link = take(ledger, LINK);

    sqlite3_bind_int64(link, 1, parent);
    sqlite3_bind_int64(link, 2, child);
    sqlite3_bind_text(link, 3, row, -1, SQLITE_TRANSIENT);
    return database_run(ledger->database, link, error);
}

bool check_ledger_spoil(struct check_ledger *ledger, int64_t id, struct error *error)
{
    sqlite3_stmt *spoil = take(ledger, SPOIL);

    sqlite3_bind_int64(spoil, 1, id);
    return database_run(ledger->database, spoil, error);
}

bool check_ledger_is_whole(bool *whole, struct check_ledger *ledger, int64_t id,
                           struct error *error)
{
    sqlite3_stmt *find = take(ledger, WHOLE);
    bool spoiled;

    /* As many as there are: the file is ours. */
    ledger->database->work_left = INT64_MAX;
    sqlite3_bind_int64(find, 1, id);
    if (!database_step(ledger->database, find, &spoiled, error))
        return false;
    sqlite3_reset(find);
    *whole = !spoiled;
    return true;
}

struct judging {
    struct check_ledger *ledger;
    catalog_visit_violation *visit;
    void *baton;
    apr_pool_t *pool; /* cleared for each catalog */
};

static bool judge_mountpoint(const struct judging *judging, sqlite3_stmt *row,
                             struct error *error)
{
    const char *path, *mountpoint, *root;

    return copy_text(&path, judging->ledger, row, 0, judging->pool, error) &&
           copy_text(&mountpoint, judging->ledger, row, 1, judging->pool, error) &&
           copy_text(&root, judging->ledger, row, 2, judging->pool, error) &&
           judging->visit(
               judging->baton, path,
               apr_pstrcat(judging->pool,
                           "mountpoint and root of the nested catalog differ: ",
                           mountpoint, " / ", root, NULL),
               error);
}

static bool judge_mountpoints(const struct judging *judging, struct error *error)
{
    static const char sql[] =
        "SELECT c.path, l.mountpoint, c.root FROM links AS l CROSS JOIN catalogs AS c"
        " ON c.id = l.child WHERE l.mountpoint <> c.root AND c.is_judged";
    struct database *database = judging->ledger->database;
    sqlite3_stmt *statement;
    apr_pool_t *own;
    bool ok, row;

    apr_pool_create(&own, judging->pool);
    ok = database_prepare(&statement, database, sql, own, error);
    for (;;) {
        database_allow_work(database);
        if (!ok || !(ok = database_step(database, statement, &row, error)) || !row)
            break;
        ok = judge_mountpoint(judging, statement, error);
    }
    apr_pool_destroy(own);
    return ok;
}

static bool read_counters(struct catalog_statistics *counters, bool *found,
                          const struct judging *judging, sqlite3_stmt *row, int column,
                          struct error *error)
{
    struct text blob;

    if (!database_column_blob(&blob, judging->ledger->database, row, column, error))
        return false;
    *found = blob.length == sizeof(*counters);
    if (*found)
        memcpy(counters, blob.bytes, sizeof(*counters));
    return true;
}

/* Add up what the catalogs below CHILD's parent say; a counter that one of them lacks, or
 * a catalog that could not be read, leaves nothing to compare with. */
static void add_child(struct catalog_statistics *sum,
                      const struct catalog_statistics *child, bool was_read)
{
    for (int i = 0; i < CATALOG_COUNTERS; i++) {
        if (!was_read || !child->has[i])
            sum->has[i] = false;
        else
            sum->subtree[i] += child->self[i] + child->subtree[i];
    }
}

static bool sum_children(struct catalog_statistics *sum, const struct judging *judging,
                         int64_t parent, struct error *error)
{
    static const char sql[] = "SELECT c.counters FROM links AS l LEFT JOIN catalogs AS c"
                              " ON c.id = l.child WHERE l.parent = ?1";
    struct database *database = judging->ledger->database;
    struct catalog_statistics child;
    sqlite3_stmt *statement;
    bool row, was_read;

    memset(sum, 0, sizeof(*sum));
    memset(sum->has, true, sizeof(sum->has));
    if (!database_prepare(&statement, database, sql, judging->pool, error))
        return false;
    sqlite3_bind_int64(statement, 1, parent);
    for (;;) {
        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            return true;
        if (!read_counters(&child, &was_read, judging, statement, 0, error))
            return false;
        add_child(sum, &child, was_read);
    }
}

static bool judge_sums(const struct judging *judging, sqlite3_stmt *row,
                       struct error *error)
{
    struct catalog_statistics stored, sum;
    const char *path;
    int64_t id;
    bool was_read;

    if (!database_column_number(&id, judging->ledger->database, row, 0, error) ||
        !copy_text(&path, judging->ledger, row, 1, judging->pool, error) ||
        !read_counters(&stored, &was_read, judging, row, 2, error) ||
        !sum_children(&sum, judging, id, error))
        return false;
    for (int i = 0; was_read && i < CATALOG_COUNTERS; i++)
        if (stored.has[i] && sum.has[i] && stored.subtree[i] != sum.subtree[i] &&
            !judging->visit(judging->baton, path,
                            apr_psprintf(judging->pool,
                                         "the counter subtree_%s is %" APR_INT64_T_FMT
                                         " instead of %" APR_INT64_T_FMT,
                                         catalog_counter_name(i),
                                         (apr_int64_t)stored.subtree[i],
                                         (apr_int64_t)sum.subtree[i]),
                            error))
            return false;
    return true;
}

static bool judge_counters(const struct judging *judging, apr_pool_t *pool,
                           struct error *error)
{
    static const char sql[] = "SELECT id, path, counters FROM catalogs WHERE is_judged";
    struct database *database = judging->ledger->database;
    sqlite3_stmt *statement;
    bool row;

    if (!database_prepare(&statement, database, sql, pool, error))
        return false;
    for (;;) {
        database_allow_work(database);
        apr_pool_clear(judging->pool);
        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            return true;
        if (!judge_sums(judging, statement, error))
            return false;
    }
}

bool check_ledger_judge(struct check_ledger *ledger, catalog_visit_violation *visit,
                        void *baton, apr_pool_t *pool, struct error *error)
{
    struct judging judging = {ledger, visit, baton, NULL};
    bool ok;

    apr_pool_create(&judging.pool, pool);
    ok = judge_mountpoints(&judging, error) && judge_counters(&judging, pool, error);
    apr_pool_destroy(judging.pool);
    return ok;
}
