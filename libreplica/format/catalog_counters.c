/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of a catalog, stored and counted anew, and rows in words. */
#include "libreplica/format/catalog_rules_internal.h"

#include <string.h>
#include <apr_strings.h>

#define REGULAR "c.mode & 61440 = 32768"

/* In which schema revision each came, and what it counts. Source: cvmfs-format 4.10. */
static const struct {
    const char *name;
    int since;
    const char *count;
} counters[CATALOG_STATISTICS] = {
    {"regular", 0, "sum(" REGULAR ")"},
    {"symlink", 0, "sum(c.mode & 61440 = 40960)"},
    {"special", 5, "sum(c.mode & 61440 IN (4096, 8192, 24576, 49152))"},
    {"dir", 0, "sum(c.mode & 61440 = 16384)"},
    {"nested", 0, NULL},
    {"chunked", 0, "sum(c.flags & 64 <> 0)"},
    {"chunks", 0, NULL},
    {"file_size", 0, "sum((" REGULAR ") * c.size)"},
    {"chunked_size", 0, "sum((c.flags & 64 <> 0) * c.size)"},
    {"xattr", 2, NULL},
    {"external", 3, "sum(c.flags & 128 <> 0)"},
    {"external_file_size", 3, "sum((c.flags & 128 <> 0) * c.size)"},
};

const char *catalog_counter_name(int number)
{
    return counters[number].name;
}

/* What counter NUMBER ought to be of the catalog itself. */
static const char *counting_sql(struct catalog *catalog, int number, apr_pool_t *pool)
{
    if (counters[number].count != NULL)
        return apr_pstrcat(pool, "ifnull(", counters[number].count, ", 0)", NULL);
    if (strcmp(counters[number].name, "nested") == 0)
        return "(SELECT count(*) FROM nested_catalogs)";
    if (strcmp(counters[number].name, "chunks") == 0)
        return "(SELECT count(*) FROM chunks AS k NOT INDEXED CROSS JOIN catalog AS f"
               " ON f.md5path_1 = k.md5path_1 AND f.md5path_2 = k.md5path_2"
               " WHERE f.flags & 64 <> 0)";
    return database_has_column(catalog->database, "catalog", "xattr")
               ? "ifnull(sum(c.xattr IS NOT NULL), 0)"
               : "0";
}

static bool count(int64_t values[CATALOG_STATISTICS], struct catalog *catalog,
                  apr_pool_t *pool, struct error *error)
{
    const char *sql = "SELECT ";
    sqlite3_stmt *statement;
    bool row;

    for (int i = 0; i < CATALOG_STATISTICS; i++)
        sql = apr_pstrcat(pool, sql, i > 0 ? ", " : "", counting_sql(catalog, i, pool),
                          NULL);
    sql = apr_pstrcat(pool, sql, " FROM catalog AS c", NULL);
    database_allow_work(catalog->database);
    if (!database_prepare(&statement, catalog->database, sql, pool, error) ||
        !database_step(catalog->database, statement, &row, error))
        return false;
    for (int i = 0; i < CATALOG_STATISTICS; i++)
        if (!database_column_number(&values[i], catalog->database, statement, i, error))
            return false;
    return true;
}

static bool read_stored(int64_t *value, bool *found, struct catalog *catalog,
                        sqlite3_stmt *statement, const char *name, struct error *error)
{
    sqlite3_reset(statement);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
    if (!database_step(catalog->database, statement, found, error))
        return false;
    *value = 0;
    return !*found ||
           database_column_number(value, catalog->database, statement, 0, error);
}

bool catalog_read_statistics(struct catalog_statistics *read, struct catalog *catalog,
                             apr_pool_t *pool, struct error *error)
{
    sqlite3_stmt *statement;

    memset(read, 0, sizeof(*read));
    database_allow_work(catalog->database);
    if (!database_check_table(catalog->database, "statistics", error) ||
        !database_prepare(&statement, catalog->database,
                          "SELECT value FROM statistics WHERE counter = ?1", pool, error))
        return false;
    for (int i = 0; i < CATALOG_STATISTICS; i++) {
        char self[40], subtree[40];
        bool has_self, has_subtree;

        apr_snprintf(self, sizeof(self), "self_%s", counters[i].name);
        apr_snprintf(subtree, sizeof(subtree), "subtree_%s", counters[i].name);
        if (!read_stored(&read->self[i], &has_self, catalog, statement, self, error) ||
            !read_stored(&read->subtree[i], &has_subtree, catalog, statement, subtree,
                         error))
            return false;
        read->has[i] = has_self && has_subtree;
    }
    return true;
}

/* Catalogs of schema 2.4 may lack any. */
static bool is_required(const struct judgement *judgement, int number,
                        struct error *error, bool *required)
{
    int tenths;

    database_allow_work(judgement->catalog->database);
    if (!database_schema(&tenths, judgement->catalog->database, error))
        return false;
    *required = tenths > 24 &&
                judgement->catalog->properties.schema_revision >= counters[number].since;
    return true;
}

static bool judge_counter(const struct judgement *judgement, int number,
                          const struct catalog_statistics *stored, int64_t counted,
                          apr_pool_t *pool, struct error *error)
{
    const char *prefix = judgement->catalog->properties.root_prefix;
    const char *name = counters[number].name;
    bool required;

    if (!is_required(judgement, number, error, &required))
        return false;
    if (!stored->has[number])
        return !required ||
               judgement->visit(judgement->baton, prefix,
                                apr_psprintf(pool, "the counter %s is missing", name),
                                error);
    return stored->self[number] == counted ||
           judgement->visit(judgement->baton, prefix,
                            apr_psprintf(pool,
                                         "the counter self_%s is %" APR_INT64_T_FMT
                                         " instead of %" APR_INT64_T_FMT,
                                         name, (apr_int64_t)stored->self[number],
                                         (apr_int64_t)counted),
                            error);
}

bool judge_counters(const struct judgement *judgement, apr_pool_t *pool,
                    struct error *error)
{
    int64_t counted[CATALOG_STATISTICS];
    struct catalog_statistics stored;

    if (!catalog_read_statistics(&stored, judgement->catalog, pool, error) ||
        !count(counted, judgement->catalog, pool, error))
        return false;
    for (int i = 0; i < CATALOG_STATISTICS; i++)
        if (!judge_counter(judgement, i, &stored, counted[i], pool, error))
            return false;
    return true;
}

bool catalog_describe_row(const char **words, struct catalog *catalog, const char *path,
                          apr_pool_t *pool, struct error *error)
{
    char hash[HASH_TEXT_SIZE], xattr[HASH_TEXT_SIZE];
    struct hash xattr_hash = {HASH_UNSET};
    struct catalog_entry entry;
    bool found;

    *words = NULL;
    if (!catalog_lookup(catalog, path, &entry, &found, error))
        return false;
    if (!found)
        return true;
    if (entry.xattr.length > 0)
        hash_bytes(&xattr_hash, HASH_SHA1, entry.xattr.bytes, entry.xattr.length);
    hash_format(hash, &entry.hash);
    hash_format(xattr, &xattr_hash);
    *words = apr_psprintf(
        pool,
        "name '%s' links %" APR_INT64_T_FMT " group %" APR_INT64_T_FMT
        " size %" APR_INT64_T_FMT " mode %o mtime %" APR_INT64_T_FMT " hash %.8s"
        " symlink '%s' attributes %.8s",
        text_for_people(entry.name, 300, pool),
        (apr_int64_t)(entry.hardlinks & UINT32_MAX), (apr_int64_t)(entry.hardlinks >> 32),
        (apr_int64_t)entry.size, entry.mode, (apr_int64_t)entry.mtime_seconds, hash,
        text_for_people(entry.symlink, 300, pool), xattr);
    return true;
}
