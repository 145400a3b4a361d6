/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of small records that may be far larger than memory: an external sort.
 *
 * Records of one size, ordered by memcmp, equal ones given once. What does not fit into
 * memory goes, in sorted runs, to a file without a name in a given folder. */
#ifndef REPLICA_BASE_SORTED_RECORDS_H
#define REPLICA_BASE_SORTED_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"

struct sorted_records;

/* An empty set.
 *   record_size    at most 256
 *   memory_bytes   most that it takes, sorting included; too little for a few hundred
 *                  records is raised to that. What is not used costs nothing
 *   folder         for the temporary file, which is made when memory is full
 *   pool           owns *records; clearing it frees memory and file
 * False: ERROR_IO (no memory). One thread at a time. */
bool sorted_records_create(struct sorted_records **records, size_t record_size,
                           size_t memory_bytes, const char *folder, apr_pool_t *pool,
                           struct error *error);

/* Also after reading; then rewind before reading on. False: ERROR_NO_SPACE, ERROR_IO. */
bool sorted_records_add(struct sorted_records *records, const void *record,
                        struct error *error);

/* Begin to read, or begin anew. Errors as above. */
bool sorted_records_rewind(struct sorted_records *records, struct error *error);

/* The next record in order is copied to RECORD; *more false: there is none. */
bool sorted_records_next(struct sorted_records *records, void *record, bool *more,
                         struct error *error);

/* Whether a record begins with PREFIX. It is looked for from the place of reading on,
 * which moves there: between two rewinds the prefixes must not descend. So two sets are
 * compared in one pass over both. */
bool sorted_records_find(struct sorted_records *records, const void *prefix,
                         size_t length, bool *found, struct error *error);

/* How many different records there are; rewinds. */
bool sorted_records_count(struct sorted_records *records, int64_t *count,
                          struct error *error);

/* Forget all records, and the file. */
void sorted_records_clear(struct sorted_records *records);

#endif
