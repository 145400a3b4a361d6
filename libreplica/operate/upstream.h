/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a replica's upstream about the repository as a whole. */
#ifndef REPLICA_OPERATE_UPSTREAM_H
#define REPLICA_OPERATE_UPSTREAM_H

#include <apr_time.h>
#include "libreplica/store/repository.h"

/* Whether its manifest can be had within 20 s. False: as fetch_text, ERROR_SETTING if no
 * upstream is configured. */
bool upstream_is_there(const struct repository *repository, const volatile int *stop,
                       apr_pool_t *pool, struct error *error);

/* When it last collected garbage, as its status file says; *known false: there is no such
 * file, or it does not say. Within 10 s. */
void upstream_last_gc(apr_time_t *when, bool *known, const struct repository *repository,
                      const volatile int *stop, apr_pool_t *pool);

#endif
