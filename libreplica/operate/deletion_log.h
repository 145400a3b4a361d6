/* SPDX-License-Identifier: Apache-2.0 */
/* The deletion log: the names of all objects that garbage collection removed.
 * Source: cvmfs-format 6.9.5. */
#ifndef REPLICA_OPERATE_DELETION_LOG_H
#define REPLICA_OPERATE_DELETION_LOG_H

#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/format/object.h"

struct deletion_log;

/* Append a block to the file at PATH: its first line now, with the time. POOL owns the
 * log. False: the file cannot be written. */
bool deletion_log_open(struct deletion_log **log, const char *path, apr_pool_t *pool,
                       struct error *error);
void deletion_log_add(struct deletion_log *log, const struct object *object);
/* The block's last line. False: some line could not be written. */
bool deletion_log_close(struct deletion_log *log, struct error *error);

#endif
