/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs: opening, properties, and looking at single paths. */
#include "libreplica/format/catalog.h"

#include <string.h>
#include <apr_strings.h>
#include "libreplica/format/catalog_internal.h"

#define TTL_DEFAULT       240
#define HASH_CODE_SHIFT   8
#define COMPRESSION_SHIFT 11
#define CODE_MASK         7

static bool check_tables(struct catalog *catalog, struct error *error)
{
    static const char *const tables[] = {"properties", "catalog", "chunks",
                                         "nested_catalogs"};

    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
        if (!database_check_table(catalog->database, tables[i], error))
            return false;
    return true;
}

static bool check_schema(struct catalog *catalog, struct error *error)
{
    int tenths;

    if (!database_schema(&tenths, catalog->database, error))
        return false;
    if (tenths != 24 && tenths != 25)
        return error_set(error, ERROR_UNSUPPORTED,
                         "catalog %s is of schema %d.%d; only 2.4 and 2.5 can be read",
                         catalog->database->path, tenths / 10, tenths % 10);
    return true;
}

static bool read_properties(struct catalog *catalog, struct error *error)
{
    struct database *database = catalog->database;
    struct catalog_properties *properties = &catalog->properties;
    int64_t schema_revision;

    if (!database_property_number(&properties->revision, database, "revision", 0,
                                  error) ||
        !database_property_number(&properties->last_modified_seconds, database,
                                  "last_modified", 0, error) ||
        !database_property_number(&properties->ttl_seconds, database, "TTL", TTL_DEFAULT,
                                  error) ||
        !database_property_number(&schema_revision, database, "schema_revision", 0,
                                  error) ||
        !database_property_hash(&properties->previous_revision, database,
                                "previous_revision", error) ||
        !database_property(&properties->root_prefix, database, "root_prefix",
                           catalog->pool, error))
        return false;
    properties->schema_revision = (int)(schema_revision & INT32_MAX);
    if (properties->root_prefix == NULL)
        properties->root_prefix = "";
    if (!catalog_path_is_clean(text_of(properties->root_prefix)))
        return database_damaged(database, error, "its root prefix is not a clean path");
    return true;
}

bool catalog_marks(struct catalog_marks *marks, struct catalog *catalog, apr_pool_t *pool,
                   struct error *error)
{
    int64_t is_volatile;

    if (!database_property_number(&is_volatile, catalog->database, "volatile", 0,
                                  error) ||
        !database_property(&marks->membership, catalog->database, "voms_authz", pool,
                           error))
        return false;
    marks->is_volatile = is_volatile != 0;
    return true;
}

/* Columns came one by one with the schema revisions, and upgraded catalogs lie about
 * nothing but their order: so what counts is what is there. */
static void choose_columns(struct catalog *catalog)
{
    bool has_xattr = database_has_column(catalog->database, "catalog", "xattr");

    catalog->columns = apr_pstrcat(
        catalog->pool,
        "md5path_1, md5path_2, parent_1, parent_2, hardlinks, hash, size, mode, mtime,"
        " flags, name, symlink, uid, gid, ",
        has_xattr ? "xattr" : "NULL", NULL);
}

bool catalog_of_database(struct catalog **catalog, struct database *database,
                         apr_pool_t *pool, struct error *error)
{
    struct catalog *opened = apr_pcalloc(pool, sizeof(*opened));

    opened->pool = pool;
    opened->database = database;
    if (!check_tables(opened, error) || !check_schema(opened, error) ||
        !read_properties(opened, error))
        return false;
    choose_columns(opened);
    *catalog = opened;
    return true;
}

bool catalog_open(struct catalog **catalog, const char *path, apr_pool_t *pool,
                  struct error *error)
{
    struct database *database;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    if (database_open(&database, path, DATABASE_READ, own, error) &&
        catalog_of_database(catalog, database, own, error))
        return true;
    apr_pool_destroy(own);
    return false;
}

void catalog_close(struct catalog *catalog)
{
    apr_pool_destroy(catalog->pool);
}

const struct catalog_properties *catalog_properties(const struct catalog *catalog)
{
    return &catalog->properties;
}

bool catalog_column_flags(unsigned int *flags, struct catalog *catalog,
                          sqlite3_stmt *statement, int column, struct error *error)
{
    int64_t value;

    if (!database_column_number(&value, catalog->database, statement, column, error))
        return false;
    if (value < 0 || value > UINT32_MAX)
        return database_damaged(catalog->database, error, "flags are out of range");
    *flags = (unsigned int)value;
    return true;
}

bool catalog_column_hash(struct hash *hash, struct catalog *catalog,
                         sqlite3_stmt *statement, int column, unsigned int flags,
                         struct error *error)
{
    struct hash read = {HASH_UNSET};
    struct text blob;

    if (!database_column_blob(&blob, catalog->database, statement, column, error))
        return false;
    if (blob.length != 0) {
        if (blob.length != HASH_DIGEST_SIZE)
            return database_damaged(catalog->database, error,
                                    "a hash has %zu bytes instead of %d", blob.length,
                                    HASH_DIGEST_SIZE);
        memcpy(read.digest, blob.bytes, HASH_DIGEST_SIZE);
    }
    if (!hash_is_null(&read) &&
        !hash_algorithm_of_code(&read.algorithm, flags >> HASH_CODE_SHIFT & CODE_MASK))
        return database_damaged(catalog->database, error,
                                "a row has the unknown hash algorithm code %u",
                                flags >> HASH_CODE_SHIFT & CODE_MASK);
    *hash = read;
    return true;
}

static bool read_entry(struct catalog_entry *entry, struct catalog *catalog,
                       sqlite3_stmt *row, struct error *error)
{
    struct database *database = catalog->database;
    int64_t mode;
    struct {
        int64_t *value;
        int column;
    } numbers[] = {
        {&entry->path.first, 0},
        {&entry->path.second, 1},
        {&entry->parent.first, 2},
        {&entry->parent.second, 3},
        {&entry->hardlinks, 4},
        {&entry->size, 6},
        {&mode, 7},
        {&entry->mtime_seconds, 8},
        {&entry->uid, 12},
        {&entry->gid, 13},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        if (!database_column_number(numbers[i].value, database, row, numbers[i].column,
                                    error))
            return false;
    if (mode < 0 || mode > UINT32_MAX || entry->size < 0)
        return database_damaged(database, error, "a mode or size is out of range");
    entry->mode = (unsigned int)mode;
    if (!catalog_column_flags(&entry->flags, catalog, row, 9, error))
        return false;
    entry->compression =
        (enum compression)(entry->flags >> COMPRESSION_SHIFT & CODE_MASK);
    return catalog_column_hash(&entry->hash, catalog, row, 5, entry->flags, error) &&
           database_column_text(&entry->name, database, row, 10, error) &&
           database_column_text(&entry->symlink, database, row, 11, error) &&
           database_column_blob(&entry->xattr, database, row, 14, error);
}

static void bind_path(sqlite3_stmt *statement, const char *path)
{
    struct path_hash hash = path_hash_of(text_of(path));

    sqlite3_bind_int64(statement, 1, hash.first);
    sqlite3_bind_int64(statement, 2, hash.second);
}

bool catalog_lookup(struct catalog *catalog, const char *path,
                    struct catalog_entry *entry, bool *found, struct error *error)
{
    const char *sql;

    if (catalog->lookup == NULL) {
        sql = apr_pstrcat(catalog->pool, "SELECT ", catalog->columns,
                          " FROM catalog WHERE md5path_1 = ?1 AND md5path_2 = ?2", NULL);
        if (!database_prepare(&catalog->lookup, catalog->database, sql, catalog->pool,
                              error))
            return false;
    }
    database_allow_work(catalog->database);
    sqlite3_reset(catalog->lookup);
    bind_path(catalog->lookup, path);
    if (!database_step(catalog->database, catalog->lookup, found, error))
        return false;
    return !*found || read_entry(entry, catalog, catalog->lookup, error);
}

/* A statement of its own each time, so that VISIT may list further directories. */
bool catalog_list(struct catalog *catalog, const char *path, catalog_visit_entry *visit,
                  void *baton, struct error *error)
{
    sqlite3_stmt *statement;
    struct catalog_entry entry;
    apr_pool_t *pool;
    bool good, row;

    apr_pool_create(&pool, catalog->pool);
    good = database_prepare(&statement, catalog->database,
                            apr_pstrcat(pool, "SELECT ", catalog->columns,
                                        " FROM catalog WHERE parent_1 = ?1"
                                        " AND parent_2 = ?2 ORDER BY name",
                                        NULL),
                            pool, error);
    if (good)
        bind_path(statement, path);
    database_allow_work(catalog->database);
    while (good && (good = database_step(catalog->database, statement, &row, error)) &&
           row)
        good =
            read_entry(&entry, catalog, statement, error) && visit(baton, &entry, error);
    apr_pool_destroy(pool);
    return good;
}

static bool read_chunk(struct catalog_chunk *chunk, struct catalog *catalog,
                       sqlite3_stmt *row, struct error *error)
{
    unsigned int flags = 0;

    if (!database_column_number(&chunk->offset, catalog->database, row, 0, error) ||
        !database_column_number(&chunk->size, catalog->database, row, 1, error) ||
        !catalog_column_flags(&flags, catalog, row, 3, error) ||
        !catalog_column_hash(&chunk->hash, catalog, row, 2, flags, error))
        return false;
    if (chunk->offset < 0 || chunk->size < 0 || hash_is_null(&chunk->hash))
        return database_damaged(catalog->database, error,
                                "a chunk has no hash or a negative size or offset");
    return true;
}

bool catalog_chunks(struct catalog *catalog, const char *path, catalog_visit_chunk *visit,
                    void *baton, struct error *error)
{
    static const char sql[] =
        "SELECT k.offset, k.size, k.hash, c.flags FROM catalog AS c CROSS JOIN chunks AS "
        "k"
        " ON k.md5path_1 = c.md5path_1 AND k.md5path_2 = c.md5path_2"
        " WHERE c.md5path_1 = ?1 AND c.md5path_2 = ?2 ORDER BY k.offset";
    struct catalog_chunk chunk = {.path = path_hash_of(text_of(path))};
    sqlite3_stmt *statement;
    apr_pool_t *pool;
    bool good, row;

    apr_pool_create(&pool, catalog->pool);
    good = database_prepare(&statement, catalog->database, sql, pool, error);
    if (good)
        bind_path(statement, path);
    database_allow_work(catalog->database);
    while (good && (good = database_step(catalog->database, statement, &row, error)) &&
           row)
        good =
            read_chunk(&chunk, catalog, statement, error) && visit(baton, &chunk, error);
    apr_pool_destroy(pool);
    return good;
}
