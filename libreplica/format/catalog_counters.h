/* SPDX-License-Identifier: Apache-2.0 */
/* What the table statistics of a catalog counts. Source: cvmfs-format 4.10. */
#ifndef REPLICA_FORMAT_CATALOG_COUNTERS_H
#define REPLICA_FORMAT_CATALOG_COUNTERS_H

#include "libreplica/format/catalog.h"

/* For a catalog alone and for all below it. */
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

/* "regular", as in the rows self_regular and subtree_regular. */
const char *catalog_counter_name(int number);

/* Add OTHER to *sum, or take it away, counter by counter. */
void catalog_counters_add(struct catalog_counters *sum,
                          const struct catalog_counters *other);
void catalog_counters_subtract(struct catalog_counters *sum,
                               const struct catalog_counters *other);

/* Add COUNT rows of the table catalog, or take them away. Chunks are counted by
 * themselves. */
void catalog_counters_add_rows(struct catalog_counters *sum, unsigned int flags,
                               int64_t size, bool has_xattr, int64_t count);

/* Regular files, symbolic links, special files and directories together. */
int64_t catalog_counters_entries(const struct catalog_counters *counters);

/* Count the rows of the catalog itself anew. */
bool catalog_recount(struct catalog_counters *counted, struct catalog *catalog,
                     apr_pool_t *pool, struct error *error);

#endif
