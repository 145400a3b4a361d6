/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog where it is served, and its checksum in the spool. */
#ifndef REPLICA_STORE_REFLOG_FILE_H
#define REPLICA_STORE_REFLOG_FILE_H

#include "libreplica/format/reflog.h"
#include "libreplica/store/store.h"

#define REFLOG_SIZE_MAX (INT64_C(1) << 30)

/* Publish the closed working copy at PATH: the reflog first, then CHECKSUM_FILE with its
 * hash in ALGORITHM, which *checksum is set to. Source: cvmfs-format 5.4 (write order).
 */
bool reflog_file_publish(struct hash *checksum, struct store *store, const char *path,
                         enum hash_algorithm algorithm, const char *checksum_file,
                         apr_pool_t *pool, struct error *error);

#endif
