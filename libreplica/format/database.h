/* SPDX-License-Identifier: Apache-2.0 */
/* The one way this library opens SQLite databases, most of which come from outside and
 * may be hostile. Source: cvmfs-format 9.2; design 6.5. */
#ifndef REPLICA_FORMAT_DATABASE_H
#define REPLICA_FORMAT_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include <sqlite3.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"

struct database {
    sqlite3 *handle;
    const char *path;  /* for messages */
    int64_t file_size; /* bytes, when it was opened */
    /* Instructions the running statements may still take: the pages of a damaged tree can
     * be linked so that a scan never ends. */
    int64_t work_left;
    /* Prepared when first needed: most databases are opened to be asked a few things. */
    sqlite3_stmt *table_check, *property;
};

enum database_mode {
    DATABASE_READ,   /* read-only and immutable: nobody changes the file meanwhile */
    DATABASE_CHANGE, /* an existing one */
    DATABASE_CREATE, /* a new one; ERROR_EXISTS if there is one */
    /* A scratch file of our own, trusted, an existing or a new one: not synced, without
     * limits on the work, and in transactions that can be undone while it is open. */
    DATABASE_SCRATCH,
    DATABASE_SCRATCH_NEW,
    /* One that several processes change: who finds it locked waits, for seconds at most.
     */
    DATABASE_SHARED,
    DATABASE_SHARED_READ
};

/* Open with everything off that a foreign database could abuse, and with small caches.
 * pool   owns *database; clearing it closes the handle, after the statements prepared
 *        below were finalized by the same pool
 * False: ERROR_BAD_FORMAT (no database), ERROR_IO, ERROR_NOT_FOUND, ERROR_EXISTS. One
 * thread at a time. Later ERROR_EXISTS is a row that must be the only one. */
bool database_open(struct database **database, const char *path, enum database_mode mode,
                   apr_pool_t *pool, struct error *error);

/* Close now instead of with the pool. */
void database_close(struct database *database, apr_pool_t *pool);

/* Let the next statements work anew, as much as the size of the file can justify. */
void database_allow_work(struct database *database);

/* Whether NAME is an ordinary table: no view, no virtual table, no trigger on it, no
 * generated columns. */
bool database_check_table(struct database *database, const char *name,
                          struct error *error);
bool database_has_column(struct database *database, const char *table,
                         const char *column);

/* A value of the table properties, NULL if missing. *value lives in POOL. */
bool database_property(const char **value, struct database *database, const char *key,
                       apr_pool_t *pool, struct error *error);
bool database_property_number(int64_t *value, struct database *database, const char *key,
                              int64_t fallback, struct error *error);
bool database_property_hash(struct hash *hash, struct database *database, const char *key,
                            struct error *error);
bool database_set_property(struct database *database, const char *key, const char *value,
                           struct error *error);
/* The property "schema" in tenths (25 for 2.5), 10 if missing. */
bool database_schema(int *tenths, struct database *database, struct error *error);

/* A statement that POOL finalizes. */
bool database_prepare(sqlite3_stmt **statement, struct database *database,
                      const char *sql, apr_pool_t *pool, struct error *error);
/* Step: *row says whether there is one. A statement at its end is reset. */
bool database_step(struct database *database, sqlite3_stmt *statement, bool *row,
                   struct error *error);
/* Step a statement that gives no rows, and reset it. */
bool database_run(struct database *database, sqlite3_stmt *statement,
                  struct error *error);
bool database_execute(struct database *database, const char *sql, struct error *error);
/* Give back the room of what was removed; outside of transactions. */
bool database_compact(struct database *database, struct error *error);

/* Columns of the current row, checked. NULL counts as 0 and as the empty text. */
bool database_column_number(int64_t *value, struct database *database,
                            sqlite3_stmt *statement, int column, struct error *error);
/* Text without NUL bytes; valid until the next step. */
bool database_column_text(struct text *text, struct database *database,
                          sqlite3_stmt *statement, int column, struct error *error);
/* A blob; valid until the next step. */
bool database_column_blob(struct text *blob, struct database *database,
                          sqlite3_stmt *statement, int column, struct error *error);

/* ERROR_BAD_FORMAT that names the file. Returns false. */
bool database_damaged(struct database *database, struct error *error, const char *format,
                      ...) __attribute__((format(printf, 3, 4)));

#endif
