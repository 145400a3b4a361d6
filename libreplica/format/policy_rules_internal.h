/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of policy_rules share; rewrite_rules uses their index, too. */
#ifndef REPLICA_FORMAT_POLICY_RULES_INTERNAL_H
#define REPLICA_FORMAT_POLICY_RULES_INTERNAL_H

#include <stdint.h>
#include "libreplica/format/policy_network.h"
#include "libreplica/format/policy_rules.h"

struct policy_range {
    int first, last; /* ports or minutes; first > last: over midnight */
};

/* A condition with a list; no values: there is no such condition. */
struct policy_names {
    const struct text *values;
    int count;
    bool is_negated;
};

struct policy_networks {
    const struct policy_network *values;
    int count;
    bool is_negated;
};

struct policy_ranges {
    const struct policy_range *values;
    int count;
    bool is_negated;
};

struct policy_rule {
    uint32_t methods, kinds, suffixes, days; /* a bit for each that is meant */
    struct policy_ranges ports, times;
    struct policy_networks clients;
    struct policy_names repositories, hosts;
    struct policy_effect effect;
};

struct policy_index;

struct policy_rules {
    struct policy_rule *rules;
    int count;
    const struct policy_index *index;
};

/* policy_conditions.c: parse "LIST" or "!LIST" of the condition NAME, which there has to
 * be. False: *error says what is wrong. */
bool policy_condition_parse(struct policy_rule *rule, const char *name, struct text list,
                            apr_pool_t *pool, struct error *error);

/* policy_match.c: no condition is set. */
void policy_rule_clear(struct policy_rule *rule);
/* NULL: all conditions hold; else the name of one that does not. */
const char *policy_rule_failure(const struct policy_rule *rule,
                                const struct policy_query *query);
/* The bit of a method or suffix; unknown methods share one. */
uint32_t policy_method_bit(struct text method);
uint32_t policy_suffix_bit(char suffix);

/* policy_index.c */
const struct policy_index *policy_index_create(const struct policy_rule *rules, int count,
                                               apr_pool_t *pool);
/* -1: no rule matches. */
int policy_index_decide(const struct policy_index *index, const struct policy_rule *rules,
                        const struct policy_query *query);

#endif
