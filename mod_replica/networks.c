/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that the administrator names. */
#include "mod_replica/networks.h"

#include <string.h>
#include <apr_strings.h>

const char *networks_parse(apr_array_header_t **networks, const char *key,
                           const char *text, apr_pool_t *pool)
{
    apr_array_header_t *parsed = apr_array_make(pool, 4, sizeof(apr_ipsubnet_t *));
    char *rest = apr_pstrdup(pool, text), *state, *word;

    for (word = apr_strtok(rest, " \t", &state); word != NULL;
         word = apr_strtok(NULL, " \t", &state)) {
        char *mask = strchr(word, '/');
        apr_ipsubnet_t *network;

        if (mask != NULL)
            *mask++ = '\0';
        if (apr_ipsubnet_create(&network, word, mask, pool) != APR_SUCCESS)
            return apr_psprintf(pool,
                                "%s: '%s%s%s' is not a network; write address or "
                                "address/bits",
                                key, word, mask != NULL ? "/" : "",
                                mask != NULL ? mask : "");
        APR_ARRAY_PUSH(parsed, apr_ipsubnet_t *) = network;
    }
    *networks = parsed;
    return NULL;
}

bool networks_contain(const apr_array_header_t *networks, apr_sockaddr_t *address)
{
    for (int i = 0; i < networks->nelts; i++)
        if (apr_ipsubnet_test(APR_ARRAY_IDX(networks, i, apr_ipsubnet_t *), address))
            return true;
    return false;
}

bool networks_contain_bytes(const apr_array_header_t *networks,
                            const struct geo_address *address)
{
    apr_sockaddr_t probe = {.family = address->family};

    switch (address->family) {
    case AF_INET:
        probe.ipaddr_ptr = &probe.sa.sin.sin_addr;
        memcpy(&probe.sa.sin.sin_addr, address->bytes, sizeof(probe.sa.sin.sin_addr));
        return networks_contain(networks, &probe);
    case AF_INET6:
        probe.ipaddr_ptr = &probe.sa.sin6.sin6_addr;
        memcpy(&probe.sa.sin6.sin6_addr, address->bytes, sizeof(probe.sa.sin6.sin6_addr));
        return networks_contain(networks, &probe);
    default:
        return false;
    }
}
