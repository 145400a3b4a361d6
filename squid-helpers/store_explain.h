/* SPDX-License-Identifier: Apache-2.0 */
/* replica-store-id --explain. */
#ifndef REPLICA_STORE_EXPLAIN_H
#define REPLICA_STORE_EXPLAIN_H

#include "squid-helpers/store_answer.h"

/* ARGUMENTS: URL [CLIENT]. IS_BRIEF: not why groups do not hold. Returns 0 if it has a
 * key, 1 if not, 2 if it cannot be told. */
int store_explain(struct store_answer *answer, const struct store_rules *rules,
                  struct geo_origins *origins, int count, char **arguments,
                  bool is_brief);

#endif
