/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a policy: who may have what, and what Squid keeps. The first rule whose
 * conditions all hold decides. Source: docs/man/replica-policy.conf.5. */
#ifndef REPLICA_FORMAT_POLICY_RULES_H
#define REPLICA_FORMAT_POLICY_RULES_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/format/policy_query.h"
#include "libreplica/format/rule_lines.h"

#define POLICY_RULES_MAX 1000000

struct policy_rules;

enum policy_cache { POLICY_CACHE_YES, POLICY_CACHE_NO };

struct policy_note {
    const char *key; /* ends in "_" */
    struct text value;
};

/* What a rule says. */
struct policy_effect {
    const char *file; /* where it stands */
    int line;
    bool is_allowed;
    struct text reason; /* of a refusal; may be empty */
    enum policy_cache cache;
    struct text limit; /* the class; empty: none */
    const struct policy_note *notes;
    int note_count;
};

/* Parse FILE and what it includes, and build what makes decisions fast.
 *   pool   owns *rules
 * False: "<file>:<line>: <reason>", ERROR_BAD_FORMAT, ERROR_TOO_LARGE or what the source
 * says. Thread-safe. */
bool policy_rules_parse(struct policy_rules **rules, const char *file,
                        const struct rule_source *source, apr_pool_t *pool,
                        struct error *error);

/* The number of the rule that decides: there always is one, the default. Thread-safe; its
 * time hardly grows with the number of rules, if they name repositories, hosts or
 * clients. */
int policy_rules_decide(const struct policy_rules *rules,
                        const struct policy_query *query);

int policy_rules_count(const struct policy_rules *rules);
const struct policy_effect *policy_rules_effect(const struct policy_rules *rules,
                                                int number);

/* NULL: all conditions of one rule hold; else the name of one that does not ("method",
 * "client", ...). */
const char *policy_rules_failure(const struct policy_rules *rules, int number,
                                 const struct policy_query *query);

#endif
