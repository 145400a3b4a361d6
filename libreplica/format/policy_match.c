/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the conditions of one rule hold. */
#include "libreplica/format/policy_rules_internal.h"

#include <string.h>

#include "libreplica/format/glob.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

uint32_t policy_method_bit(struct text method)
{
    static const char *const methods[] = {"GET",    "HEAD",    "POST",  "PUT",
                                          "DELETE", "OPTIONS", "TRACE", "CONNECT",
                                          "PATCH",  "PURGE"};

    for (size_t i = 0; i < COUNT(methods); i++)
        if (text_equals(method, methods[i]))
            return 2U << i;
    return 1;
}

uint32_t policy_suffix_bit(char suffix)
{
    return suffix >= 'A' && suffix <= 'Z' ? 2U << (suffix - 'A') : 1;
}

void policy_rule_clear(struct policy_rule *rule)
{
    memset(rule, 0, sizeof(*rule));
    rule->methods = rule->kinds = rule->suffixes = rule->days = UINT32_MAX;
}

static bool name_holds(const struct policy_names *names, struct text name)
{
    bool found = false;

    if (names->count == 0)
        return true;
    for (int i = 0; i < names->count && name.length > 0 && !found; i++)
        found = glob_matches(names->values[i], name);
    return found != names->is_negated;
}

static bool client_holds(const struct policy_networks *networks,
                         const struct policy_query *query)
{
    bool found = false;

    if (networks->count == 0)
        return true;
    for (int i = 0; i < networks->count && query->has_client && !found; i++)
        found = policy_network_holds(&networks->values[i], query->client);
    return found != networks->is_negated;
}

static bool number_holds(const struct policy_ranges *ranges, int number)
{
    bool found = false;

    if (ranges->count == 0)
        return true;
    for (int i = 0; i < ranges->count && !found; i++) {
        struct policy_range range = ranges->values[i];

        found = range.first <= range.last ? number >= range.first && number <= range.last
                                          : number >= range.first || number <= range.last;
    }
    return found != ranges->is_negated;
}

const char *policy_rule_failure(const struct policy_rule *rule,
                                const struct policy_query *query)
{
    if ((rule->kinds >> query->kind & 1) == 0)
        return "kind";
    if (rule->methods != UINT32_MAX &&
        (rule->methods & policy_method_bit(query->method)) == 0)
        return "method";
    /* Only objects have suffixes. */
    if (rule->suffixes != UINT32_MAX &&
        ((rule->suffixes & policy_suffix_bit(query->suffix)) == 0 ||
         (query->kind != POLICY_KIND_CATALOG && query->kind != POLICY_KIND_DATA)))
        return "suffix";
    if ((rule->days >> query->weekday & 1) == 0)
        return "day";
    if (!number_holds(&rule->ports, query->port))
        return "port";
    if (!number_holds(&rule->times, query->minute))
        return "time";
    if (!client_holds(&rule->clients, query))
        return "client";
    if (!name_holds(&rule->repositories, query->repository))
        return "repository";
    return name_holds(&rule->hosts, query->host) ? NULL : "host";
}
