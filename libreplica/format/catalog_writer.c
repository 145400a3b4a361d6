/* SPDX-License-Identifier: Apache-2.0 */
/* New catalogs: the tables, prepared inserts, counters and properties. */
#include "libreplica/format/catalog_writer.h"

#include <stdio.h>
#include <string.h>
#include <sqlite3.h>
#include <apr_strings.h>

/* The columns stand in the order of a fresh database of the reference. */
static const char schema[] =
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -8192;"
    "PRAGMA foreign_keys = ON;"
    "BEGIN;"
    "CREATE TABLE properties (key TEXT, value TEXT,"
    " CONSTRAINT pk_properties PRIMARY KEY (key));"
    "CREATE TABLE catalog (md5path_1 INTEGER, md5path_2 INTEGER, parent_1 INTEGER,"
    " parent_2 INTEGER, hardlinks INTEGER, hash BLOB, size INTEGER, mode INTEGER,"
    " mtime INTEGER, mtimens INTEGER, flags INTEGER, name TEXT, symlink TEXT,"
    " uid INTEGER, gid INTEGER, xattr BLOB,"
    " CONSTRAINT pk_catalog PRIMARY KEY (md5path_1, md5path_2));"
    "CREATE INDEX idx_catalog_parent ON catalog (parent_1, parent_2);"
    "CREATE TABLE chunks (md5path_1 INTEGER, md5path_2 INTEGER, offset INTEGER,"
    " size INTEGER, hash BLOB,"
    " CONSTRAINT pk_chunks PRIMARY KEY (md5path_1, md5path_2, offset, size),"
    " FOREIGN KEY (md5path_1, md5path_2) REFERENCES catalog (md5path_1, md5path_2));"
    "CREATE TABLE nested_catalogs (path TEXT, sha1 TEXT, size INTEGER,"
    " CONSTRAINT pk_nested_catalogs PRIMARY KEY (path));"
    "CREATE TABLE bind_mountpoints (path TEXT, sha1 TEXT, size INTEGER,"
    " CONSTRAINT pk_bind_mountpoints PRIMARY KEY (path));"
    "CREATE TABLE statistics (counter TEXT, value INTEGER,"
    " CONSTRAINT pk_statistics PRIMARY KEY (counter));";

enum statement {
    ADD_ENTRY,
    ADD_CHUNK,
    ADD_NESTED,
    ADD_PROPERTY,
    ADD_COUNTER,
    STATEMENTS
};

static const char *const statements[STATEMENTS] = {
    [ADD_ENTRY] = ("INSERT INTO catalog (md5path_1, md5path_2, parent_1, parent_2,"
                   " hardlinks, hash, size, mode, mtime, flags, name, symlink, uid, gid,"
                   " xattr) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
    [ADD_CHUNK] = ("INSERT INTO chunks (md5path_1, md5path_2, offset, size, hash)"
                   " VALUES (?,?,?,?,?)"),
    [ADD_NESTED] = "INSERT INTO nested_catalogs (path, sha1, size) VALUES (?,?,?)",
    [ADD_PROPERTY] = "INSERT INTO properties (key, value) VALUES (?,?)",
    [ADD_COUNTER] = "INSERT INTO statistics (counter, value) VALUES (?,?)",
};

static const char *const counter_names[CATALOG_COUNTERS] = {
    [CATALOG_COUNT_REGULAR] = "regular",
    [CATALOG_COUNT_SYMLINK] = "symlink",
    [CATALOG_COUNT_SPECIAL] = "special",
    [CATALOG_COUNT_DIRECTORY] = "dir",
    [CATALOG_COUNT_NESTED] = "nested",
    [CATALOG_COUNT_CHUNKED] = "chunked",
    [CATALOG_COUNT_CHUNKS] = "chunks",
    [CATALOG_COUNT_FILE_SIZE] = "file_size",
    [CATALOG_COUNT_CHUNKED_SIZE] = "chunked_size",
    [CATALOG_COUNT_XATTR] = "xattr",
    [CATALOG_COUNT_EXTERNAL] = "external",
    [CATALOG_COUNT_EXTERNAL_FILE_SIZE] = "external_file_size",
};

struct catalog_writer {
    sqlite3 *database;
    sqlite3_stmt *statement[STATEMENTS];
    const char *path;
    bool in_transaction;
    struct catalog_counters counters;
};

void catalog_counters_add(struct catalog_counters *sum,
                          const struct catalog_counters *other)
{
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        sum->value[i] += other->value[i];
}

unsigned int catalog_content_flags(enum hash_algorithm algorithm,
                                   enum compression compression)
{
    return (algorithm - HASH_SHA1) << 8 | (unsigned int)compression << 11;
}

static bool fail(const struct catalog_writer *writer, struct error *error)
{
    enum error_code code = ERROR_IO;
    int result = sqlite3_errcode(writer->database) & 0xFF;

    if (result == SQLITE_FULL)
        code = ERROR_NO_SPACE;
    else if (result == SQLITE_CONSTRAINT)
        code = ERROR_EXISTS;
    return error_set(error, code, "cannot write catalog %s: %s", writer->path,
                     sqlite3_errmsg(writer->database));
}

static void close_database(struct catalog_writer *writer)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(writer->statement[i]);
    memset(writer->statement, 0, sizeof(writer->statement));
    sqlite3_close(writer->database);
    writer->database = NULL;
}

static apr_status_t cleanup(void *writer)
{
    close_database(writer);
    return APR_SUCCESS;
}

static bool execute(struct catalog_writer *writer, const char *sql, struct error *error)
{
    return sqlite3_exec(writer->database, sql, NULL, NULL, NULL) == SQLITE_OK ||
           fail(writer, error);
}

bool catalog_writer_create(struct catalog_writer **writer, const char *path,
                           apr_pool_t *pool, struct error *error)
{
    struct catalog_writer *created = apr_pcalloc(pool, sizeof(*created));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    bool ok;

    created->path = apr_pstrdup(pool, path);
    apr_pool_cleanup_register(pool, created, cleanup, apr_pool_cleanup_null);
    ok = sqlite3_open_v2(path, &created->database, flags, NULL) == SQLITE_OK ||
         fail(created, error);
    ok = ok && execute(created, schema, error);
    created->in_transaction = ok;
    for (int i = 0; ok && i < STATEMENTS; i++)
        ok = sqlite3_prepare_v2(created->database, statements[i], -1,
                                &created->statement[i], NULL) == SQLITE_OK ||
             fail(created, error);
    if (ok)
        *writer = created;
    return ok;
}

static bool run(struct catalog_writer *writer, enum statement number, struct error *error)
{
    sqlite3_stmt *statement = writer->statement[number];
    bool ok = sqlite3_step(statement) == SQLITE_DONE || fail(writer, error);

    sqlite3_reset(statement);
    return ok;
}

static void bind_path(sqlite3_stmt *statement, int column, struct path_hash path)
{
    sqlite3_bind_int64(statement, column, path.first);
    sqlite3_bind_int64(statement, column + 1, path.second);
}

static void bind_hash(sqlite3_stmt *statement, int column, const struct hash *hash)
{
    if (hash_is_null(hash))
        sqlite3_bind_null(statement, column);
    else
        sqlite3_bind_blob(statement, column, hash->digest, HASH_DIGEST_SIZE,
                          SQLITE_STATIC);
}

/* Empty, not NULL: readers rely on it. */
static void bind_text(sqlite3_stmt *statement, int column, struct text text)
{
    sqlite3_bind_text(statement, column, text.length > 0 ? text.bytes : "",
                      (int)text.length, SQLITE_STATIC);
}

static void count_entry(struct catalog_counters *counters,
                        const struct catalog_entry *entry)
{
    int64_t *value = counters->value;

    value[CATALOG_COUNT_XATTR] += entry->xattr.length > 0;
    if (entry->flags & CATALOG_DIRECTORY) {
        value[CATALOG_COUNT_DIRECTORY]++;
    } else if (entry->flags & CATALOG_SYMLINK) {
        value[CATALOG_COUNT_SYMLINK]++;
    } else if (entry->flags & CATALOG_SPECIAL) {
        value[CATALOG_COUNT_SPECIAL]++;
    } else {
        value[CATALOG_COUNT_REGULAR]++;
        value[CATALOG_COUNT_FILE_SIZE] += entry->size;
        if (entry->flags & CATALOG_CHUNKED) {
            value[CATALOG_COUNT_CHUNKED]++;
            value[CATALOG_COUNT_CHUNKED_SIZE] += entry->size;
        }
        if (entry->flags & CATALOG_EXTERNAL) {
            value[CATALOG_COUNT_EXTERNAL]++;
            value[CATALOG_COUNT_EXTERNAL_FILE_SIZE] += entry->size;
        }
    }
}

bool catalog_writer_add(struct catalog_writer *writer, const struct catalog_entry *entry,
                        struct error *error)
{
    sqlite3_stmt *statement = writer->statement[ADD_ENTRY];

    bind_path(statement, 1, entry->path);
    bind_path(statement, 3, entry->parent);
    sqlite3_bind_int64(statement, 5, entry->hardlinks);
    bind_hash(statement, 6, &entry->hash);
    sqlite3_bind_int64(statement, 7, entry->size);
    sqlite3_bind_int64(statement, 8, entry->mode);
    sqlite3_bind_int64(statement, 9, entry->mtime_seconds);
    sqlite3_bind_int64(statement, 10, entry->flags);
    bind_text(statement, 11, entry->name);
    bind_text(statement, 12, entry->symlink);
    sqlite3_bind_int64(statement, 13, entry->uid);
    sqlite3_bind_int64(statement, 14, entry->gid);
    if (entry->xattr.length > 0)
        sqlite3_bind_blob(statement, 15, entry->xattr.bytes, (int)entry->xattr.length,
                          SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, 15);
    if (!run(writer, ADD_ENTRY, error))
        return false;
    count_entry(&writer->counters, entry);
    return true;
}

bool catalog_writer_add_chunk(struct catalog_writer *writer,
                              const struct catalog_chunk *chunk, struct error *error)
{
    sqlite3_stmt *statement = writer->statement[ADD_CHUNK];

    bind_path(statement, 1, chunk->path);
    sqlite3_bind_int64(statement, 3, chunk->offset);
    sqlite3_bind_int64(statement, 4, chunk->size);
    bind_hash(statement, 5, &chunk->hash);
    if (!run(writer, ADD_CHUNK, error))
        return false;
    writer->counters.value[CATALOG_COUNT_CHUNKS]++;
    return true;
}

bool catalog_writer_add_nested(struct catalog_writer *writer,
                               const struct catalog_nested *nested, struct error *error)
{
    sqlite3_stmt *statement = writer->statement[ADD_NESTED];
    char text[HASH_TEXT_SIZE];

    bind_text(statement, 1, text_of(nested->path));
    bind_text(statement, 2, text_of(hash_format(text, &nested->hash)));
    sqlite3_bind_int64(statement, 3, nested->size);
    if (!run(writer, ADD_NESTED, error))
        return false;
    writer->counters.value[CATALOG_COUNT_NESTED]++;
    return true;
}

const struct catalog_counters *
catalog_writer_counters(const struct catalog_writer *writer)
{
    return &writer->counters;
}

static bool commit(struct catalog_writer *writer, struct error *error)
{
    if (!writer->in_transaction)
        return true;
    writer->in_transaction = false;
    return execute(writer, "COMMIT", error);
}

/* Rows of TABLE in one database that the other lacks; -1 if they cannot be compared. */
static int count_differences(struct catalog_writer *writer, const char *columns,
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
        if (sqlite3_prepare_v2(writer->database, sql, -1, &statement, NULL) ==
                SQLITE_OK &&
            sqlite3_step(statement) == SQLITE_ROW)
            differences = sqlite3_column_int(statement, 0);
        sqlite3_finalize(statement);
        sqlite3_free(sql);
    }
    return differences;
}

static bool attach(struct catalog_writer *writer, const char *path, struct error *error)
{
    char *sql = sqlite3_mprintf("ATTACH %Q AS other", path);
    bool ok = execute(writer, sql, error);

    sqlite3_free(sql);
    return ok;
}

bool catalog_writer_matches(bool *same, struct catalog_writer *writer, const char *path,
                            struct error *error)
{
    static const char *const tables[][2] = {
        {"nested_catalogs", "path, sha1, size"},
        {"bind_mountpoints", "path, sha1, size"},
        {"chunks", "md5path_1, md5path_2, offset, size, hash"},
        {"catalog", "md5path_1, md5path_2, parent_1, parent_2, hardlinks, hash, size,"
                    " mode, mtime, mtimens, flags, name, symlink, uid, gid, xattr"},
    };

    if (!commit(writer, error) || !attach(writer, path, error))
        return false;
    *same = true;
    for (size_t i = 0; *same && i < sizeof(tables) / sizeof(*tables); i++)
        *same = count_differences(writer, tables[i][1], tables[i][0]) == 0;
    return execute(writer, "DETACH other", error);
}

static bool add_property(struct catalog_writer *writer, const char *key,
                         const char *value, struct error *error)
{
    sqlite3_stmt *statement = writer->statement[ADD_PROPERTY];

    bind_text(statement, 1, text_of(key));
    bind_text(statement, 2, text_of(value));
    return run(writer, ADD_PROPERTY, error);
}

static bool add_number(struct catalog_writer *writer, const char *key, int64_t value,
                       struct error *error)
{
    char text[32];

    apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, (apr_int64_t)value);
    return add_property(writer, key, text, error);
}

static bool add_counters(struct catalog_writer *writer, const char *prefix,
                         const struct catalog_counters *counters, struct error *error)
{
    sqlite3_stmt *statement = writer->statement[ADD_COUNTER];
    char name[64];

    for (int i = 0; i < CATALOG_COUNTERS; i++) {
        apr_snprintf(name, sizeof(name), "%s%s", prefix, counter_names[i]);
        bind_text(statement, 1, text_of(name));
        sqlite3_bind_int64(statement, 2, counters->value[i]);
        if (!run(writer, ADD_COUNTER, error))
            return false;
    }
    return true;
}

static bool add_properties(struct catalog_writer *writer,
                           const struct catalog_properties *properties,
                           struct error *error)
{
    char previous[HASH_TEXT_SIZE];

    return add_property(writer, "schema", "2.5", error) &&
           add_number(writer, "schema_revision", CATALOG_SCHEMA_REVISION, error) &&
           add_number(writer, "revision", properties->revision, error) &&
           add_number(writer, "last_modified", properties->last_modified_seconds,
                      error) &&
           (properties->revision == 0 ||
            add_property(writer, "previous_revision",
                         hash_format(previous, &properties->previous_revision), error)) &&
           (properties->root_prefix[0] == '\0' ||
            add_property(writer, "root_prefix", properties->root_prefix, error)) &&
           (properties->ttl_seconds == 0 ||
            add_number(writer, "TTL", properties->ttl_seconds, error));
}

bool catalog_writer_finish(struct catalog_writer *writer,
                           const struct catalog_properties *properties,
                           const struct catalog_counters *subtree, struct error *error)
{
    bool ok = writer->in_transaction || execute(writer, "BEGIN", error);

    writer->in_transaction = ok;
    ok = ok && add_properties(writer, properties, error) &&
         add_counters(writer, "self_", &writer->counters, error) &&
         add_counters(writer, "subtree_", subtree, error) && commit(writer, error);
    close_database(writer);
    return ok;
}
