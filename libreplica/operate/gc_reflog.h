/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog as garbage collection needs it. */
#ifndef REPLICA_OPERATE_GC_REFLOG_H
#define REPLICA_OPERATE_GC_REFLOG_H

#include "libreplica/format/manifest.h"
#include "libreplica/format/reflog.h"
#include "libreplica/store/store.h"

/* A working copy of the reflog, opened. *found false: there is none. POOL owns it.
 * False: ERROR_BAD_HASH (it does not match its checksum, or there is no checksum),
 * ERROR_BAD_FORMAT, ERROR_NAME_MISMATCH, ERROR_IO. */
bool gc_reflog_open(struct reflog **reflog, bool *found, struct store *store,
                    const char *fqrn, const char *checksum_file, apr_pool_t *pool,
                    struct error *error);

/* Write a reflog that was lost anew, from what is in the store: what the manifest names,
 * the chain of its predecessors, and all tagged revisions with theirs. Everything counts
 * as stored now. Source: cvmfs-format 5.4 (reconstruction). */
bool gc_reflog_rebuild(struct store *store, const struct manifest *manifest,
                       int64_t max_catalog_bytes, const char *checksum_file,
                       apr_pool_t *pool, struct error *error);

/* Take out of the reflog what the journal removed, and publish it, whether it matched its
 * checksum or not. Without a reflog there is nothing to do. */
bool gc_reflog_forget(struct store *store, const char *checksum_file, apr_pool_t *pool,
                      struct error *error);

#endif
