/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the catalog reader share. */
#ifndef REPLICA_FORMAT_CATALOG_INTERNAL_H
#define REPLICA_FORMAT_CATALOG_INTERNAL_H

#include "libreplica/format/catalog.h"
#include "libreplica/format/database.h"

/* A statement that is stepped through once. The rows are counted too, since callers look
 * other things up in between, and each look-up may work anew. */
struct catalog_cursor {
    sqlite3_stmt *statement; /* NULL before the first step */
    int64_t rows_left;
    bool ended;
};

struct catalog {
    apr_pool_t *pool;
    struct database *database;
    struct catalog_properties properties;
    const char *columns; /* of struct catalog_entry, for this schema revision */
    sqlite3_stmt *lookup;
    struct catalog_cursor contents, chunks, nested;
};

/* A catalog in an open database, whose properties are read. */
bool catalog_of_database(struct catalog **catalog, struct database *database,
                         apr_pool_t *pool, struct error *error);

/* The hash in a row's blob with the algorithm of the row's flags; null if there is none.
 */
bool catalog_column_hash(struct hash *hash, struct catalog *catalog,
                         sqlite3_stmt *statement, int column, unsigned int flags,
                         struct error *error);
bool catalog_column_flags(unsigned int *flags, struct catalog *catalog,
                          sqlite3_stmt *statement, int column, struct error *error);

/* Whether PATH is "" or "/a/b" without empty, "." and ".." components. */
bool catalog_path_is_clean(struct text path);

#endif
