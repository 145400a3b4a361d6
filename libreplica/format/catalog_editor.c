/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs being written: opening, undoing, properties, counters, finishing. */
#include "libreplica/format/catalog_editor_internal.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_rules.h"

#define LINKS_INDEX "replica_links"

/* Rows that a change is about, by number and by what their path has below the tree's. */
static const char moved_sql[] =
    "CREATE TEMP TABLE moved (row INTEGER PRIMARY KEY, path TEXT)";

unsigned int catalog_content_flags(enum hash_algorithm algorithm,
                                   enum compression compression)
{
    return (algorithm - HASH_SHA1) << 8 | (unsigned int)compression << 11;
}

static void drop_statements(struct catalog_editor *editor)
{
    for (int i = 0; i < EDITOR_STATEMENTS; i++)
        sqlite3_finalize(editor->statement[i]);
    memset(editor->statement, 0, sizeof(editor->statement));
}

static apr_status_t cleanup(void *editor)
{
    drop_statements(editor);
    return APR_SUCCESS;
}

static struct catalog_editor *make(apr_pool_t *pool)
{
    struct catalog_editor *editor;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    editor = apr_pcalloc(own, sizeof(*editor));
    editor->pool = own;
    return editor;
}

/* The statements go before the handle does. */
static bool begin_editing(struct catalog_editor *editor, struct error *error)
{
    apr_pool_cleanup_register(editor->pool, editor, cleanup, apr_pool_cleanup_null);
    editor->in_transaction = database_execute(editor->database, moved_sql, error) &&
                             database_execute(editor->database, "BEGIN", error);
    return editor->in_transaction;
}

bool catalog_editor_create(struct catalog_editor **editor, const char *path,
                           apr_pool_t *pool, struct error *error)
{
    struct catalog_editor *made = make(pool);

    if (!database_open(&made->database, path, DATABASE_SCRATCH_NEW, made->pool, error) ||
        !begin_editing(made, error) || !editor_create_tables(made->database, error) ||
        !catalog_of_database(&made->catalog, made->database, made->pool, error)) {
        apr_pool_destroy(made->pool);
        return false;
    }
    made->now.prefix = "";
    made->has_changed = true;
    *editor = made;
    return true;
}

/* Take the counters over; of itself, those that were not kept are counted now. */
static bool take_counters(struct catalog_editor *editor, apr_pool_t *pool,
                          struct error *error)
{
    struct catalog_counters counted;
    struct catalog_statistics read;
    bool lacks = false;

    if (!catalog_read_statistics(&read, editor->catalog, pool, error))
        return false;
    for (int i = 0; i < CATALOG_COUNTERS; i++) {
        editor->now.self.value[i] = read.self[i];
        editor->now.subtree.value[i] = read.subtree[i];
        lacks = lacks || !read.has[i];
    }
    editor->stored = editor->now.self;
    catalog_counters_add(&editor->stored, &editor->now.subtree);
    if (lacks && !catalog_recount(&counted, editor->catalog, pool, error))
        return false;
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        if (!read.has[i])
            editor->now.self.value[i] = counted.value[i];
    return true;
}

static bool read_counters(struct catalog_editor *editor, struct error *error)
{
    apr_pool_t *pool;
    bool ok;

    apr_pool_create(&pool, editor->pool);
    ok = take_counters(editor, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

static bool open_existing(struct catalog_editor *editor, const char *path,
                          struct error *error)
{
    struct catalog *catalog;

    return database_open(&editor->database, path, DATABASE_SCRATCH, editor->pool,
                         error) &&
           begin_editing(editor, error) &&
           catalog_of_database(&catalog, editor->database, editor->pool, error) &&
           editor_upgrade(editor->database, catalog, error) &&
           catalog_of_database(&editor->catalog, editor->database, editor->pool, error) &&
           read_counters(editor, error);
}

bool catalog_editor_open(struct catalog_editor **editor, const char *path,
                         apr_pool_t *pool, struct error *error)
{
    struct catalog_editor *opened = make(pool);

    if (!open_existing(opened, path, error)) {
        apr_pool_destroy(opened->pool);
        return false;
    }
    opened->now.prefix = opened->catalog->properties.root_prefix;
    *editor = opened;
    return true;
}

static bool commit(struct catalog_editor *editor, struct error *error)
{
    if (!editor->in_transaction)
        return true;
    editor->in_transaction = false;
    return database_execute(editor->database, "COMMIT", error);
}

bool catalog_editor_begin(struct catalog_editor *editor, struct error *error)
{
    editor->before = editor->now;
    return database_execute(editor->database, "SAVEPOINT change", error);
}

bool catalog_editor_end(struct catalog_editor *editor, bool keep, struct error *error)
{
    if (!keep) {
        editor->now = editor->before;
        if (!database_execute(editor->database, "ROLLBACK TO change", error))
            return false;
    }
    return database_execute(editor->database, "RELEASE change", error);
}

struct catalog *catalog_editor_catalog(struct catalog_editor *editor)
{
    return editor->catalog;
}

const char *catalog_editor_prefix(const struct catalog_editor *editor)
{
    return editor->now.prefix;
}

const struct catalog_counters *
catalog_editor_counters(const struct catalog_editor *editor)
{
    return &editor->now.self;
}

const struct catalog_counters *catalog_editor_subtree(const struct catalog_editor *editor)
{
    return &editor->now.subtree;
}

const struct catalog_counters *catalog_editor_stored(const struct catalog_editor *editor)
{
    return &editor->stored;
}

void catalog_editor_count_below(struct catalog_editor *editor,
                                const struct catalog_counters *more,
                                const struct catalog_counters *less)
{
    editor->has_changed = true;
    if (more != NULL)
        catalog_counters_add(&editor->now.subtree, more);
    if (less != NULL)
        catalog_counters_subtract(&editor->now.subtree, less);
}

static bool write_counters(struct catalog_editor *editor, const char *prefix,
                           const struct catalog_counters *counters, struct error *error)
{
    sqlite3_stmt *statement;
    char name[64];

    for (int i = 0; i < CATALOG_COUNTERS; i++) {
        statement = editor_statement(editor, EDITOR_SET_COUNTER, error);
        if (statement == NULL)
            return false;
        apr_snprintf(name, sizeof(name), "%s%s", prefix, catalog_counter_name(i));
        editor_bind_text(statement, 1, text_of(name));
        sqlite3_bind_int64(statement, 2, counters->value[i]);
        if (!editor_run(editor, statement, error))
            return false;
    }
    return true;
}

static bool write_prefix(struct catalog_editor *editor, const char *prefix,
                         struct error *error)
{
    return *prefix == '\0' ||
           database_set_property(editor->database, "root_prefix", prefix, error);
}

static bool write_state(struct catalog_editor *editor, struct error *error)
{
    return write_counters(editor, "self_", &editor->now.self, error) &&
           write_counters(editor, "subtree_", &editor->now.subtree, error);
}

static void destroy(struct catalog_editor *editor)
{
    apr_pool_destroy(editor->pool);
}

bool catalog_editor_close(struct catalog_editor *editor, struct error *error)
{
    bool ok = !editor->has_changed ||
              (write_state(editor, error) &&
               write_prefix(editor, editor->now.prefix, error) && commit(editor, error));

    destroy(editor);
    return ok;
}

static bool write_number(struct catalog_editor *editor, const char *key, int64_t value,
                         struct error *error)
{
    char text[32];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, (apr_int64_t)value);
    return database_set_property(editor->database, key, text, error);
}

/* Whether it is the root catalog of a repository's first revision. */
static bool is_first(const struct catalog_properties *properties)
{
    return *properties->root_prefix == '\0' &&
           hash_is_null(&properties->previous_revision);
}

static bool write_properties(struct catalog_editor *editor,
                             const struct catalog_properties *properties,
                             struct error *error)
{
    char previous[HASH_TEXT_SIZE];

    return write_number(editor, "revision", properties->revision, error) &&
           write_number(editor, "last_modified", properties->last_modified_seconds,
                        error) &&
           (is_first(properties) ||
            database_set_property(editor->database, "previous_revision",
                                  hash_format(previous, &properties->previous_revision),
                                  error)) &&
           write_prefix(editor, properties->root_prefix, error) &&
           (properties->ttl_seconds == 0 ||
            write_number(editor, "TTL", properties->ttl_seconds, error));
}

bool catalog_editor_mark(struct catalog_editor *editor, const struct catalog_marks *marks,
                         struct error *error)
{
    return (!marks->is_volatile || write_number(editor, "volatile", 1, error)) &&
           (marks->membership == NULL ||
            database_set_property(editor->database, "voms_authz", marks->membership,
                                  error));
}

bool editor_index_links(struct catalog_editor *editor, struct error *error)
{
    return database_execute(editor->database,
                            "CREATE INDEX IF NOT EXISTS " LINKS_INDEX
                            " ON catalog (hardlinks) WHERE hardlinks > 4294967295",
                            error);
}

/* Statements in progress would keep the index and the pages. */
static bool tidy(struct catalog_editor *editor, struct error *error)
{
    drop_statements(editor);
    sqlite3_reset(editor->catalog->lookup);
    return database_execute(editor->database, "DROP INDEX IF EXISTS " LINKS_INDEX, error);
}

bool catalog_editor_finish(struct catalog_editor *editor,
                           const struct catalog_properties *properties,
                           struct error *error)
{
    bool ok =
        editor->in_transaction || database_execute(editor->database, "BEGIN", error);

    editor->in_transaction = ok;
    ok = ok && write_properties(editor, properties, error) &&
         write_state(editor, error) && tidy(editor, error) && commit(editor, error) &&
         editor_compact(editor, error);
    destroy(editor);
    return ok;
}

/* Rows of TABLE in one database that the other lacks; -1 if they cannot be compared. */
static int count_differences(struct catalog_editor *editor, const char *columns,
                             const char *table)
{
    static const char *const order[2][2] = {{"main", "other"}, {"other", "main"}};
    int differences = 0;

    for (int i = 0; i < 2 && differences == 0; i++) {
        char *sql = sqlite3_mprintf(
            "SELECT count(*) FROM (SELECT %s FROM %s.%s EXCEPT SELECT %s FROM %s.%s)",
            columns, order[i][0], table, columns, order[i][1], table);
        sqlite3_stmt *statement = NULL;

        differences = -1;
        if (sqlite3_prepare_v2(editor->database->handle, sql, -1, &statement, NULL) ==
                SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            differences = sqlite3_column_int(statement, 0);
        sqlite3_finalize(statement);
        sqlite3_free(sql);
    }
    return differences;
}

static bool attach(struct catalog_editor *editor, const char *path, struct error *error)
{
    char *sql = sqlite3_mprintf("ATTACH %Q AS other", path);
    bool ok = database_execute(editor->database, sql, error);

    sqlite3_free(sql);
    return ok;
}

bool catalog_editor_matches(bool *same, struct catalog_editor *editor, const char *path,
                            struct error *error)
{
    static const char *const tables[][2] = {
        {"nested_catalogs", "path, sha1, size"},
        {"bind_mountpoints", "path, sha1, size"},
        {"chunks", "md5path_1, md5path_2, offset, size, hash"},
        {"catalog", EDITOR_COLUMNS},
    };

    if (!commit(editor, error) || !attach(editor, path, error))
        return false;
    *same = true;
    for (size_t i = 0; *same && i < sizeof(tables) / sizeof(*tables); i++)
        *same = count_differences(editor, tables[i][1], tables[i][0]) == 0;
    return database_execute(editor->database, "DETACH other", error);
}
