/* SPDX-License-Identifier: Apache-2.0 */
/* Writing KEY=value lines that a shell and settings_parse read alike. */
#ifndef REPLICA_OPERATE_CONFIGURATION_LINE_H
#define REPLICA_OPERATE_CONFIGURATION_LINE_H

#include <apr_pools.h>
#include "libreplica/base/error.h"

/* Append "<key>=<value>\n" to *TEXT; the value is quoted if it has to be. False:
 * ERROR_USAGE (control characters or a quote in it). */
bool configuration_line(const char **text, const char *key, const char *value,
                        apr_pool_t *pool, struct error *error);

#endif
