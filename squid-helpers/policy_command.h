/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator asks replica-policy: are the rules sound, and what do they say.
 */
#ifndef REPLICA_POLICY_COMMAND_H
#define REPLICA_POLICY_COMMAND_H

#include <apr_pools.h>

/* Returns the exit code: 0, or 1 with the reason on standard error. */
int policy_command_check(const char *file, apr_pool_t *pool);

/* ARGUMENTS: METHOD URL CLIENT [PORT], or "-" for lines of these on standard input.
 * Returns 0 if the request is allowed, 1 if it is denied, 2 if it cannot be told. */
int policy_command_explain(const char *file, int count, char **arguments,
                           apr_pool_t *pool);

#endif
