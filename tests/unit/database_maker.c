/* SPDX-License-Identifier: Apache-2.0 */
/* Databases for tests, made from SQL. */
#include "tests/unit/database_maker.h"

#include <inttypes.h>
#include <sqlite3.h>
#include "libreplica/format/hash.h"
#include "tests/unit/unit.h"

const char *maker_database(void **state, const char *sql)
{
    const char *path =
        apr_pstrcat(unit_pool(state), unit_folder(state), "/a?b%c.db", NULL);
    char *message = NULL;
    sqlite3 *handle;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    sqlite3_close(handle);
    return path;
}

const char *maker_entry(void **state, const char *path, unsigned int flags,
                        const char *hash)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : "";
    struct path_hash own = path_hash_of(text_of(path)), parent = {0, 0};
    struct text parent_path = {path, slash != NULL ? (size_t)(slash - path) : 0};

    if (slash != NULL)
        parent = path_hash_of(parent_path);
    return apr_psprintf(unit_pool(state),
                        "INSERT INTO catalog (md5path_1, md5path_2, parent_1, parent_2,"
                        " hardlinks, hash, size, mode, mtime, flags, name, symlink, uid,"
                        " gid) VALUES (%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
                        ", 1, %s, 5, 33188, 1795178298, %u, '%s', '', 7, 8);",
                        own.first, own.second, parent.first, parent.second, hash, flags,
                        name);
}

const char *maker_chunk(void **state, const char *path, int offset, const char *hash)
{
    struct path_hash own = path_hash_of(text_of(path));

    return apr_psprintf(unit_pool(state),
                        "INSERT INTO chunks VALUES (%" PRId64 ", %" PRId64
                        ", %d, 10, %s);",
                        own.first, own.second, offset, hash);
}

const char *maker_nested(void **state, const char *path, const char *hash)
{
    return apr_psprintf(unit_pool(state),
                        "INSERT INTO nested_catalogs (path, sha1) VALUES ('%s', '%s');",
                        path, hash);
}

const char *maker_file(void **state, const void *bytes, size_t length)
{
    const char *path = apr_pstrcat(unit_pool(state), unit_folder(state), "/file", NULL);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    fclose(file);
    return path;
}
