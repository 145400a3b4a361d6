/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of clients, as Squid's src ACLs want them. */
#include "libreplica/operate/proxy_networks.h"

#include <apr_strings.h>

#include "libreplica/format/policy_network.h"

/* True: it is within one that is there. Those that are within it are taken out. */
static bool is_covered(apr_array_header_t *networks, const struct policy_network *network)
{
    const char **values = (const char **)networks->elts;
    int kept = 0;

    for (int i = 0; i < networks->nelts; i++) {
        struct policy_network other;

        if (policy_network_parse(&other, text_of(values[i])) != NULL)
            continue;
        if (other.length <= network->length &&
            policy_network_holds(&other, network->bytes))
            return true;
        if (!policy_network_holds(network, other.bytes))
            values[kept++] = values[i];
    }
    networks->nelts = kept;
    return false;
}

bool proxy_networks_add(apr_array_header_t *networks, const char *value, apr_pool_t *pool,
                        struct error *error)
{
    struct policy_network network;

    if (policy_network_parse(&network, text_of(value)) != NULL)
        return error_set(error, ERROR_USAGE,
                         "--network %s: give an address or a network, for example "
                         "10.1.0.0/16 or 2001:db8::/32",
                         value);
    if (policy_network_is_everybody(&network))
        return error_set(error, ERROR_USAGE,
                         "--network %s: that is everybody. A proxy for everybody is "
                         "abused within days: name the networks of your site",
                         value);
    if (!policy_network_is_exact(&network))
        return error_set(error, ERROR_USAGE,
                         "--network %s: there are bits behind the prefix; write the "
                         "network's first address, or leave the length out for a single "
                         "address",
                         value);
    if (!is_covered(networks, &network))
        APR_ARRAY_PUSH(networks, const char *) = apr_pstrdup(pool, value);
    return true;
}
