/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a catalog: new ones, and what older databases lack. */
#include "libreplica/format/catalog_editor_internal.h"

/* The columns stand in the order of a fresh database of the reference. */
static const char tables[] =
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
    " CONSTRAINT pk_statistics PRIMARY KEY (counter));"
    "INSERT INTO properties (key, value) VALUES ('schema', '2.5'),"
    " ('schema_revision', '7');";

/* Source: cvmfs-format 4.1. */
static const struct {
    const char *table, *column;
    const char *sql;
} additions[] = {
    {"nested_catalogs", "size", "ALTER TABLE nested_catalogs ADD size INTEGER"},
    {"catalog", "xattr", "ALTER TABLE catalog ADD xattr BLOB"},
    {"bind_mountpoints", "path",
     "CREATE TABLE bind_mountpoints (path TEXT, sha1 TEXT, size INTEGER,"
     " CONSTRAINT pk_bind_mountpoints PRIMARY KEY (path))"},
    {"catalog", "mtimens", "ALTER TABLE catalog ADD mtimens INTEGER"},
};

/* Special files had the flag of files only. */
static const char flags_sql[] = "UPDATE catalog SET flags = flags | 16"
                                " WHERE mode & 61440 IN (4096, 8192, 24576, 49152)"
                                " AND flags & 16 = 0";

bool editor_create_tables(struct database *database, struct error *error)
{
    return database_execute(database, tables, error);
}

bool editor_upgrade(struct database *database, struct catalog *catalog,
                    struct error *error)
{
    int revision = catalog->properties.schema_revision, tenths;

    if (!database_schema(&tenths, database, error))
        return false;
    if (tenths == 25 && revision >= CATALOG_SCHEMA_REVISION)
        return true;
    for (size_t i = 0; i < sizeof(additions) / sizeof(*additions); i++)
        if (!database_has_column(database, additions[i].table, additions[i].column) &&
            !database_execute(database, additions[i].sql, error))
            return false;
    return (revision >= 5 || database_execute(database, flags_sql, error)) &&
           database_set_property(database, "schema", "2.5", error) &&
           database_set_property(database, "schema_revision", "7", error);
}
