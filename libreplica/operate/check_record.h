/* SPDX-License-Identifier: Apache-2.0 */
/* When a repository was checked, and how that ended, in its status file. */
#ifndef REPLICA_OPERATE_CHECK_RECORD_H
#define REPLICA_OPERATE_CHECK_RECORD_H

#include <apr_time.h>
#include "libreplica/store/repository.h"

/* The end of a check that nobody asked for: last_check and check_status.
 * Source: stratum1-http-and-ops 1.5. */
bool check_record(const struct repository *repository, bool succeeded, apr_pool_t *pool,
                  struct error *error);

/* The end of one that an administrator asked for and that succeeded: only where checks
 * are recorded already. */
bool check_record_if_known(const struct repository *repository, apr_pool_t *pool,
                           struct error *error);

/* last_check; 0 if it never was or cannot be read. */
apr_time_t check_record_time(const struct repository *repository, apr_pool_t *pool);

#endif
