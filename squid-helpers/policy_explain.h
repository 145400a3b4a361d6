/* SPDX-License-Identifier: Apache-2.0 */
/* replica-policy --explain: which rule decides a request, and why no other one did. */
#ifndef REPLICA_POLICY_EXPLAIN_H
#define REPLICA_POLICY_EXPLAIN_H

#include <stdbool.h>
#include <apr_pools.h>

/* BATON is a struct policy_request, RULES are struct policy_rules. ARGUMENTS: METHOD URL
 * CLIENT [PORT]. IS_BRIEF: only which rule. Returns 0 if the request is allowed, 1 if it
 * is denied, 2 if it cannot be told. */
int policy_explain(void *baton, const void *rules, int count, char **arguments,
                   bool is_brief, apr_pool_t *pool);

#endif
