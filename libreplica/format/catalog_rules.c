/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that a query can say: each gives the rows that break it. */
#include "libreplica/format/catalog_rules.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_rules_internal.h"

/* Deeper paths are cut in messages; none of a real repository is. */
#define DEPTH_SHOWN 64

#define ROWS    "SELECT c.md5path_1, c.md5path_2 FROM catalog AS c WHERE "
#define IS_ROOT "(c.md5path_1 = ?1 AND c.md5path_2 = ?2)"
#define TYPE    "c.mode & 61440"
#define LINKS   "(c.hardlinks & 4294967295)"
#define GROUP   "(c.hardlinks >> 32)"
#define HASHED  "ifnull(c.hash, x'') NOT IN (x'', zeroblob(20))"
#define PARENT                                                                           \
    "SELECT c.md5path_1, c.md5path_2 FROM catalog AS c CROSS JOIN catalog AS p"          \
    " ON p.md5path_1 = c.parent_1 AND p.md5path_2 = c.parent_2"                          \
    " WHERE NOT " IS_ROOT " AND "
#define CHUNKS                                                                           \
    "FROM chunks AS k WHERE k.md5path_1 = c.md5path_1 AND k.md5path_2 = c.md5path_2"

static const struct {
    const char *sentence;
    const char
        *sql; /* ?1, ?2: path hash of the catalog's root; ?3: whether it is nested */
} rules[] = {
    {"the catalog's root is no directory", ROWS IS_ROOT " AND " TYPE " <> 16384"},
    {"a nested catalog's root is not marked as one",
     ROWS IS_ROOT " AND ?3 AND c.flags & 32 = 0"},
    {"the repository's root is marked as the root of a nested catalog",
     ROWS IS_ROOT " AND NOT ?3 AND c.flags & 32 <> 0"},
    {"a nested catalog without the marker .cvmfscatalog",
     ROWS IS_ROOT " AND ?3 AND NOT EXISTS (SELECT 1 FROM catalog AS m"
                  " WHERE m.parent_1 = ?1 AND m.parent_2 = ?2"
                  " AND m.name = '.cvmfscatalog')"},
    {"an abandoned marker of a nested catalog",
     ROWS "c.name = '.cvmfscatalog' AND NOT (c.parent_1 = ?1 AND c.parent_2 = ?2)"},
    {"an empty or impossible name",
     ROWS "NOT " IS_ROOT " AND (c.name IS NULL OR c.name IN ('', '.', '..')"
          " OR instr(c.name, '/') > 0)"},
    {"a row whose parent does not exist",
     "SELECT c.md5path_1, c.md5path_2 FROM catalog AS c LEFT JOIN catalog AS p"
     " ON p.md5path_1 = c.parent_1 AND p.md5path_2 = c.parent_2"
     " WHERE p.md5path_1 IS NULL AND NOT " IS_ROOT},
    {"a row below something that is no directory", PARENT "p.mode & 61440 <> 16384"},
    {"a row below the mountpoint of another catalog", PARENT "p.flags & 16386 <> 0"},
    {"an unknown file type",
     ROWS TYPE " NOT IN (4096, 8192, 16384, 24576, 32768, 40960, 49152)"},
    {"the flags contradict the file type",
     ROWS "(c.flags & 1 <> 0) <> (" TYPE " = 16384)"},
    {"mountpoint, root of a nested catalog and bind mountpoint at once",
     ROWS "(c.flags & 2 <> 0) + (c.flags & 32 <> 0) + (c.flags & 16384 <> 0) > 1"},
    {"the root of a nested catalog inside another",
     ROWS "c.flags & 32 <> 0 AND NOT " IS_ROOT},
    {"a hash of the wrong length", ROWS "length(ifnull(c.hash, x'')) NOT IN (0, 20)"},
    {"an unknown hash algorithm",
     ROWS "c.flags >> 8 & 7 > 2 AND (c.flags & 64 <> 0 OR " HASHED ")"},
    {"a regular file without a hash",
     ROWS TYPE " = 32768 AND c.flags & 64 = 0 AND NOT " HASHED},
    {"a symbolic link with a hash", ROWS TYPE " = 40960 AND " HASHED},
    {"a special file with a hash",
     ROWS TYPE " IN (4096, 8192, 24576, 49152) AND " HASHED},
    {"a special file with a size", ROWS TYPE " IN (4096, 49152) AND c.size <> 0"},
    {"a special file with the target of a symbolic link",
     ROWS TYPE " IN (4096, 8192, 24576, 49152) AND c.symlink <> ''"},
    {"only regular files can be external", ROWS TYPE " <> 32768 AND c.flags & 128 <> 0"},
    {"only regular files can have the direct I/O flag",
     ROWS TYPE " <> 32768 AND c.flags & 65536 <> 0"},
    {"only regular files can be in chunks", ROWS TYPE " <> 32768 AND c.flags & 64 <> 0"},
    {"a directory in a group of hard links", ROWS TYPE " = 16384 AND " GROUP " <> 0"},
    {"a link count of 0", ROWS LINKS " = 0"},
    {"several links but no group of hard links",
     ROWS TYPE " <> 16384 AND " LINKS " > 1 AND " GROUP " = 0"},
    {"a link count that is not the number of the group's members, which all have to be "
     "in "
     "one directory",
     "SELECT c.md5path_1, c.md5path_2 FROM catalog AS c WHERE " TYPE
     " <> 16384 AND " LINKS " > 1 AND " GROUP
     " <> 0 GROUP BY c.parent_1, c.parent_2, " GROUP " HAVING count(*) <> max" LINKS},
    {"hard links of one group that differ",
     "SELECT c.md5path_1, c.md5path_2 FROM catalog AS c WHERE " TYPE
     " <> 16384 AND " LINKS " > 1 AND " GROUP
     " <> 0 GROUP BY c.parent_1, c.parent_2, " GROUP
     " HAVING min(c.hardlinks) <> max(c.hardlinks) OR min(c.size) <> max(c.size)"
     " OR min(c.mode) <> max(c.mode) OR min(c.mtime) <> max(c.mtime)"
     " OR min(ifnull(c.hash, x'')) <> max(ifnull(c.hash, x''))"
     " OR min(c.symlink) <> max(c.symlink) OR min(c.flags & 128) <> max(c.flags & 128)"},
    {"a link count that is not 2 and the number of sub-directories", ROWS TYPE
     " = 16384 AND c.flags & 16386 = 0 AND " LINKS
     " <> 2 + (SELECT count(*) FROM catalog AS d WHERE"
     " d.parent_1 = c.md5path_1 AND d.parent_2 = c.md5path_2"
     " AND d.mode & 61440 = 16384 AND NOT (d.md5path_1 = ?1 AND d.md5path_2 = ?2))"},
    {"no chunks for a file in chunks",
     ROWS "c.flags & 64 <> 0 AND NOT EXISTS (SELECT 1 " CHUNKS ")"},
    {"chunks that do not add up to the file's size", ROWS
     "c.flags & 64 <> 0 AND c.size <> ifnull((SELECT sum(k.size) " CHUNKS "), c.size)"},
    {"chunks that do not touch each other",
     "SELECT k.md5path_1, k.md5path_2 FROM (SELECT md5path_1, md5path_2, offset,"
     " lag(offset + size, 1, 0) OVER (PARTITION BY md5path_1, md5path_2 ORDER BY offset)"
     " AS start FROM chunks) AS k CROSS JOIN catalog AS c ON c.md5path_1 = k.md5path_1"
     " AND c.md5path_2 = k.md5path_2 WHERE k.offset <> k.start AND c.flags & 64 <> 0"},
    {"a chunk without a hash",
     "SELECT c.md5path_1, c.md5path_2 FROM chunks AS k CROSS JOIN catalog AS c"
     " ON c.md5path_1 = k.md5path_1 AND c.md5path_2 = k.md5path_2"
     " WHERE length(ifnull(k.hash, x'')) <> 20 OR k.hash = zeroblob(20)"},
};

/* One step up: the name of the row with these path hashes, and its parent's. */
static bool step_up(struct text *name, struct path_hash *at, bool *found,
                    struct catalog *catalog, sqlite3_stmt *statement, struct error *error)
{
    struct path_hash parent;

    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, at->first);
    sqlite3_bind_int64(statement, 2, at->second);
    if (!database_step(catalog->database, statement, found, error))
        return false;
    if (!*found)
        return true;
    if (!database_column_text(name, catalog->database, statement, 0, error) ||
        !database_column_number(&parent.first, catalog->database, statement, 1, error) ||
        !database_column_number(&parent.second, catalog->database, statement, 2, error))
        return false;
    *at = parent;
    return true;
}

/* The path of a row, by the names of its parents. */
static bool find_path(const char **path, struct catalog *catalog, struct path_hash at,
                      apr_pool_t *pool, struct error *error)
{
    const char *prefix = catalog->properties.root_prefix;
    struct path_hash root = path_hash_of(text_of(prefix));
    sqlite3_stmt *statement;

    if (!database_prepare(&statement, catalog->database,
                          "SELECT name, parent_1, parent_2 FROM catalog"
                          " WHERE md5path_1 = ?1 AND md5path_2 = ?2",
                          pool, error))
        return false;
    *path = "";
    for (int depth = 0; at.first != root.first || at.second != root.second; depth++) {
        struct text name;
        bool found;

        if (depth == DEPTH_SHOWN)
            break;
        if (!step_up(&name, &at, &found, catalog, statement, error))
            return false;
        if (!found) {
            *path = apr_pstrcat(pool, "(not below the root)", *path, NULL);
            break;
        }
        *path = apr_pstrcat(pool, "/", apr_pstrmemdup(pool, name.bytes, name.length),
                            *path, NULL);
    }
    *path = apr_pstrcat(pool, prefix, *path, NULL);
    return true;
}

static bool report_row(const struct judgement *judgement, sqlite3_stmt *row,
                       const char *sentence, apr_pool_t *pool, struct error *error)
{
    struct database *database = judgement->catalog->database;
    int64_t work_left = database->work_left;
    struct path_hash at;
    const char *path;
    bool ok;

    if (!database_column_number(&at.first, database, row, 0, error) ||
        !database_column_number(&at.second, database, row, 1, error))
        return false;
    database_allow_work(database);
    ok = find_path(&path, judgement->catalog, at, pool, error);
    database->work_left = work_left;
    return ok && judgement->visit(judgement->baton, path, sentence, error);
}

static bool apply_rule(const struct judgement *judgement, const char *sql,
                       const char *sentence, apr_pool_t *pool, struct error *error)
{
    struct database *database = judgement->catalog->database;
    sqlite3_stmt *statement;
    bool row;

    if (!database_prepare(&statement, database, sql, pool, error))
        return false;
    judgement_bind_root(judgement, statement);
    sqlite3_bind_int(statement, 3, judgement->is_nested);
    database_allow_work(database);
    for (int i = 0; i < CATALOG_RULE_EXAMPLES; i++) {
        if (!database_step(database, statement, &row, error))
            return false;
        if (!row)
            return true;
        if (!report_row(judgement, statement, sentence, pool, error))
            return false;
    }
    return true;
}

void judgement_bind_root(const struct judgement *judgement, sqlite3_stmt *statement)
{
    sqlite3_bind_int64(statement, 1, judgement->root.first);
    sqlite3_bind_int64(statement, 2, judgement->root.second);
}

bool catalog_judge(struct catalog *catalog, bool is_nested,
                   catalog_visit_violation *visit, void *baton, apr_pool_t *pool,
                   struct error *error)
{
    struct judgement judgement = {
        .catalog = catalog,
        .root = path_hash_of(text_of(catalog->properties.root_prefix)),
        .is_nested = is_nested,
        .visit = visit,
        .baton = baton,
    };
    apr_pool_t *scratch;
    bool ok = true;

    apr_pool_create(&scratch, pool);
    for (size_t i = 0; ok && i < sizeof(rules) / sizeof(*rules); i++) {
        apr_pool_clear(scratch);
        ok = apply_rule(&judgement, rules[i].sql, rules[i].sentence, scratch, error);
    }
    ok = ok && judge_paths(&judgement, scratch, error) &&
         judge_mountpoints(&judgement, scratch, error) &&
         judge_counters(&judgement, scratch, error);
    apr_pool_destroy(scratch);
    return ok;
}
