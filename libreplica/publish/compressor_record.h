/* SPDX-License-Identifier: Apache-2.0 */
/* A file `compressor` in the repository's spool: what compressed the last revision.
 *
 * With another compressor, or another version of it that gives other bytes, contents that
 * are stored already are stored again under new names. That is no error, but nobody
 * should find out by the disk filling up. */
#ifndef REPLICA_PUBLISH_COMPRESSOR_RECORD_H
#define REPLICA_PUBLISH_COMPRESSOR_RECORD_H

#include "libreplica/publish/publish.h"

/* Log a warning if the target's compressor is not the one on record. Without a record it
 * was the reference's. */
bool compressor_record_check(const struct publish_target *target, apr_pool_t *pool,
                             struct error *error);

/* Record the target's. */
bool compressor_record_write(const struct publish_target *target, apr_pool_t *pool,
                             struct error *error);

#endif
