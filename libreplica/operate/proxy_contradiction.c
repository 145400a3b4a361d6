/* SPDX-License-Identifier: Apache-2.0 */
/* Whether squid.conf and the policy agree about clients. */
#include "libreplica/operate/proxy_needs.h"

#include <string.h>
#include <apr_strings.h>

/* What every client asks for. */
#define URL "http://server.example.org/cvmfs/any.example.org/.cvmfspublished"

static const struct policy_effect *decide(const struct policy_rules *policy,
                                          const char *network)
{
    struct policy_query query = {.method = text_of("GET"), .port = 3128};
    char buffer[sizeof(URL)];

    policy_query_set_url(&query, text_of(URL), buffer);
    policy_query_set_client(&query, (struct text){network, strcspn(network, "/")});
    return policy_rules_effect(policy, policy_rules_decide(policy, &query));
}

const char *proxy_needs_contradiction(const struct proxy_needs *needs,
                                      const struct proxy_options *options,
                                      apr_pool_t *pool)
{
    /* Whoever is let in, one of these usually is. */
    static const char *const others[] = {"127.0.0.1", "10.0.0.1", "172.16.0.1",
                                         "192.168.0.1"};
    bool lets_somebody_in = false;

    if (needs->policy == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (decide(needs->policy, others[i])->is_allowed)
            lets_somebody_in = true;
    for (int i = 0; lets_somebody_in && i < options->networks->nelts; i++) {
        const char *network = APR_ARRAY_IDX(options->networks, i, const char *);
        const struct policy_effect *effect = decide(needs->policy, network);

        if (!effect->is_allowed)
            return apr_psprintf(pool,
                                "%s:%d denies what clients of %s ask for: add that "
                                "network to its lines about clients",
                                effect->file, effect->line, network);
    }
    return NULL;
}
