/* SPDX-License-Identifier: Apache-2.0 */
/* Writing file catalogs: new databases of schema 2.5, revision 7. */
#ifndef REPLICA_FORMAT_CATALOG_WRITER_H
#define REPLICA_FORMAT_CATALOG_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/format/catalog.h"

#define CATALOG_SCHEMA_REVISION 7

/* What the table statistics counts, for a catalog alone and for all below it. */
enum catalog_counter {
    CATALOG_COUNT_REGULAR,
    CATALOG_COUNT_SYMLINK,
    CATALOG_COUNT_SPECIAL,
    CATALOG_COUNT_DIRECTORY,
    CATALOG_COUNT_NESTED,
    CATALOG_COUNT_CHUNKED,
    CATALOG_COUNT_CHUNKS,
    CATALOG_COUNT_FILE_SIZE,
    CATALOG_COUNT_CHUNKED_SIZE,
    CATALOG_COUNT_XATTR,
    CATALOG_COUNT_EXTERNAL,
    CATALOG_COUNT_EXTERNAL_FILE_SIZE,
    CATALOG_COUNTERS
};

struct catalog_counters {
    int64_t value[CATALOG_COUNTERS];
};

/* Add OTHER to *sum, counter by counter. */
void catalog_counters_add(struct catalog_counters *sum,
                          const struct catalog_counters *other);

/* The bits of catalog_entry.flags that say how the content is stored; the caller adds
 * them to the flags of each row with a content hash or with chunks. */
unsigned int catalog_content_flags(enum hash_algorithm algorithm,
                                   enum compression compression);

struct catalog_writer;

/* Create an empty database at PATH, which must not exist; it is scratch until finished:
 * no journal, no syncs. Then add rows in any order, but a file before its chunks. POOL
 * owns *writer; clearing it closes the database. One thread at a time. All functions
 * fail with ERROR_IO, ERROR_NO_SPACE, or ERROR_EXISTS (a path added twice). */
bool catalog_writer_create(struct catalog_writer **writer, const char *path,
                           apr_pool_t *pool, struct error *error);

/* Entry.flags is written as given, the null hash and an empty xattr as NULL. */
bool catalog_writer_add(struct catalog_writer *writer, const struct catalog_entry *entry,
                        struct error *error);
bool catalog_writer_add_chunk(struct catalog_writer *writer,
                              const struct catalog_chunk *chunk, struct error *error);
bool catalog_writer_add_nested(struct catalog_writer *writer,
                               const struct catalog_nested *nested, struct error *error);

/* What the rows added so far amount to. */
const struct catalog_counters *
catalog_writer_counters(const struct catalog_writer *writer);

/* Whether the database at PATH, which must be trusted, holds the same entries, chunks
 * and nested catalogs; one of an older schema never does. After it no row may be
 * added. */
bool catalog_writer_matches(bool *same, struct catalog_writer *writer, const char *path,
                            struct error *error);

/* Write properties and statistics and close. Of the properties, a TTL of 0 and an empty
 * root prefix are left out; the previous revision is left out in revision 0; the schema
 * revision is ours. Source: cvmfs-format 4.2, 4.10. */
bool catalog_writer_finish(struct catalog_writer *writer,
                           const struct catalog_properties *properties,
                           const struct catalog_counters *subtree, struct error *error);

#endif
