/* SPDX-License-Identifier: Apache-2.0 */
/* The counters of a catalog: kept, stored and counted anew; and rows in words. */
#include "libreplica/format/catalog_rules_internal.h"

#include <string.h>
#include <apr_strings.h>

#define REGULAR "c.mode & 61440 = 32768"

/* In which schema revision each came, and what it counts. Source: cvmfs-format 4.10. */
static const struct {
    const char *name;
    int since;
    const char *count;
} counters[CATALOG_COUNTERS] = {
    [CATALOG_COUNT_REGULAR] = {"regular", 0, "sum(" REGULAR ")"},
    [CATALOG_COUNT_SYMLINK] = {"symlink", 0, "sum(c.mode & 61440 = 40960)"},
    [CATALOG_COUNT_SPECIAL] = {"special", 5,
                               "sum(c.mode & 61440 IN (4096, 8192, 24576, 49152))"},
    [CATALOG_COUNT_DIRECTORY] = {"dir", 0, "sum(c.mode & 61440 = 16384)"},
    [CATALOG_COUNT_NESTED] = {"nested", 0, NULL},
    [CATALOG_COUNT_CHUNKED] = {"chunked", 0, "sum(c.flags & 64 <> 0)"},
    [CATALOG_COUNT_CHUNKS] = {"chunks", 0, NULL},
    [CATALOG_COUNT_FILE_SIZE] = {"file_size", 0, "sum((" REGULAR ") * c.size)"},
    [CATALOG_COUNT_CHUNKED_SIZE] = {"chunked_size", 0,
                                    "sum((c.flags & 64 <> 0) * c.size)"},
    [CATALOG_COUNT_XATTR] = {"xattr", 2, NULL},
    [CATALOG_COUNT_EXTERNAL] = {"external", 3, "sum(c.flags & 128 <> 0)"},
    [CATALOG_COUNT_EXTERNAL_FILE_SIZE] = {"external_file_size", 3,
                                          "sum((c.flags & 128 <> 0) * c.size)"},
};

const char *catalog_counter_name(int number)
{
    return counters[number].name;
}

void catalog_counters_add(struct catalog_counters *sum,
                          const struct catalog_counters *other)
{
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        sum->value[i] += other->value[i];
}

void catalog_counters_subtract(struct catalog_counters *sum,
                               const struct catalog_counters *other)
{
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        sum->value[i] -= other->value[i];
}

static void add_regular(int64_t *value, unsigned int flags, int64_t size, int64_t count)
{
    value[CATALOG_COUNT_REGULAR] += count;
    value[CATALOG_COUNT_FILE_SIZE] += count * size;
    if (flags & CATALOG_CHUNKED) {
        value[CATALOG_COUNT_CHUNKED] += count;
        value[CATALOG_COUNT_CHUNKED_SIZE] += count * size;
    }
    if (flags & CATALOG_EXTERNAL) {
        value[CATALOG_COUNT_EXTERNAL] += count;
        value[CATALOG_COUNT_EXTERNAL_FILE_SIZE] += count * size;
    }
}

void catalog_counters_add_rows(struct catalog_counters *sum, unsigned int flags,
                               int64_t size, bool has_xattr, int64_t count)
{
    if (has_xattr)
        sum->value[CATALOG_COUNT_XATTR] += count;
    if (flags & CATALOG_DIRECTORY)
        sum->value[CATALOG_COUNT_DIRECTORY] += count;
    else if (flags & CATALOG_SYMLINK)
        sum->value[CATALOG_COUNT_SYMLINK] += count;
    else if (flags & CATALOG_SPECIAL)
        sum->value[CATALOG_COUNT_SPECIAL] += count;
    else
        add_regular(sum->value, flags, size, count);
}

int64_t catalog_counters_entries(const struct catalog_counters *counted)
{
    return counted->value[CATALOG_COUNT_REGULAR] + counted->value[CATALOG_COUNT_SYMLINK] +
           counted->value[CATALOG_COUNT_SPECIAL] +
           counted->value[CATALOG_COUNT_DIRECTORY];
}

/* What counter NUMBER ought to be of the catalog itself. */
static const char *counting_sql(struct catalog *catalog, int number, apr_pool_t *pool)
{
    if (counters[number].count != NULL)
        return apr_pstrcat(pool, "ifnull(", counters[number].count, ", 0)", NULL);
    if (number == CATALOG_COUNT_NESTED)
        return "(SELECT count(*) FROM nested_catalogs)";
    if (number == CATALOG_COUNT_CHUNKS)
        return "(SELECT count(*) FROM chunks AS k NOT INDEXED CROSS JOIN catalog AS f"
               " ON f.md5path_1 = k.md5path_1 AND f.md5path_2 = k.md5path_2"
               " WHERE f.flags & 64 <> 0)";
    return database_has_column(catalog->database, "catalog", "xattr")
               ? "ifnull(sum(c.xattr IS NOT NULL), 0)"
               : "0";
}

bool catalog_recount(struct catalog_counters *counted, struct catalog *catalog,
                     apr_pool_t *pool, struct error *error)
{
    const char *sql = "SELECT ";
    sqlite3_stmt *statement;
    bool row;

    for (int i = 0; i < CATALOG_COUNTERS; i++)
        sql = apr_pstrcat(pool, sql, i > 0 ? ", " : "", counting_sql(catalog, i, pool),
                          NULL);
    sql = apr_pstrcat(pool, sql, " FROM catalog AS c", NULL);
    database_allow_work(catalog->database);
    if (!database_prepare(&statement, catalog->database, sql, pool, error) ||
        !database_step(catalog->database, statement, &row, error))
        return false;
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        if (!database_column_number(&counted->value[i], catalog->database, statement, i,
                                    error))
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
    for (int i = 0; i < CATALOG_COUNTERS; i++) {
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
    struct catalog_statistics stored;
    struct catalog_counters counted;

    if (!catalog_read_statistics(&stored, judgement->catalog, pool, error) ||
        !catalog_recount(&counted, judgement->catalog, pool, error))
        return false;
    for (int i = 0; i < CATALOG_COUNTERS; i++)
        if (!judge_counter(judgement, i, &stored, counted.value[i], pool, error))
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
