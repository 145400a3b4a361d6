/* SPDX-License-Identifier: Apache-2.0 */
/* The log files that administrators read: each run a block with a first and a last line.
 */
#ifndef REPLICA_OPERATE_RUN_LOG_H
#define REPLICA_OPERATE_RUN_LOG_H

#include <apr_pools.h>
#include "libreplica/base/error.h"

/* A block being collected, so that runs side by side do not mix their lines. */
struct run_log;

/* "Starting <name> at <date>". POOL owns the block. */
struct run_log *run_log_begin(const char *local_name, apr_pool_t *pool);
/* The same, but each line is appended to FD at once: for runs that may say very much. */
struct run_log *run_log_stream(const char *local_name, int fd, apr_pool_t *pool);
/* For options that take a `say`: BATON is the block. */
void run_log_say(void *baton, const char *line);
/* "ERROR from cvmfs_server <verb>!", after the message. */
void run_log_error(struct run_log *log, const char *verb, const struct error *error);
/* Open a log file to append to; -1 and *error if that fails. Each run opens it anew:
 * logrotate needs to tell nobody. Whoever may write to the log folder does this, the
 * run's owner may not. */
int run_log_open(const char *path, struct error *error);
/* "Finished <name> at <date>", and append the block to FD in one write; a streamed one is
 * there already. False: it is not complete.
 * Source: stratum1-http-and-ops 3.6. */
bool run_log_end(struct run_log *log, int fd, struct error *error);

#endif
