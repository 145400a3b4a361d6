/* SPDX-License-Identifier: Apache-2.0 */
/* Databases for tests, good and hostile ones, made from SQL. */
#ifndef REPLICA_TESTS_DATABASE_MAKER_H
#define REPLICA_TESTS_DATABASE_MAKER_H

#include <stddef.h>

#define MAKER_PROPERTIES                                                                 \
    "CREATE TABLE properties (key TEXT, value TEXT,"                                     \
    " CONSTRAINT pk_properties PRIMARY KEY (key));"
#define MAKER_CATALOG                                                                    \
    "CREATE TABLE catalog (md5path_1 INTEGER, md5path_2 INTEGER, parent_1 INTEGER,"      \
    " parent_2 INTEGER, hardlinks INTEGER, hash BLOB, size INTEGER, mode INTEGER,"       \
    " mtime INTEGER, mtimens INTEGER, flags INTEGER, name TEXT, symlink TEXT,"           \
    " uid INTEGER, gid INTEGER, xattr BLOB,"                                             \
    " CONSTRAINT pk_catalog PRIMARY KEY (md5path_1, md5path_2));"                        \
    "CREATE INDEX idx_catalog_parent ON catalog (parent_1, parent_2);"
#define MAKER_CHUNKS                                                                     \
    "CREATE TABLE chunks (md5path_1 INTEGER, md5path_2 INTEGER, offset INTEGER,"         \
    " size INTEGER, hash BLOB,"                                                          \
    " CONSTRAINT pk_chunks PRIMARY KEY (md5path_1, md5path_2, offset, size));"
#define MAKER_NESTED                                                                     \
    "CREATE TABLE nested_catalogs (path TEXT, sha1 TEXT, size INTEGER,"                  \
    " CONSTRAINT pk_nested_catalogs PRIMARY KEY (path));"
#define MAKER_SCHEMA_25                                                                  \
    "INSERT INTO properties VALUES ('schema', '2.5'), ('schema_revision', '7'),"         \
    " ('revision', '3'), ('last_modified', '1795178298');"
/* A whole empty catalog. */
#define MAKER_BASE                                                                       \
    MAKER_PROPERTIES MAKER_CATALOG MAKER_CHUNKS MAKER_NESTED MAKER_SCHEMA_25

/* Run SQL on a new database in a folder of the test. Returns its path. */
const char *maker_database(void **state, const char *sql);

/* SQL for one row. PATH is "" or "/a/b"; HASH is an SQL literal like NULL or x'00'. */
const char *maker_entry(void **state, const char *path, unsigned int flags,
                        const char *hash);
const char *maker_chunk(void **state, const char *path, int offset, const char *hash);
const char *maker_nested(void **state, const char *path, const char *hash);

/* A file of these bytes in a folder of the test. Returns its path. */
const char *maker_file(void **state, const void *bytes, size_t length);

#endif
