/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of clients, as Squid's src ACLs want them. */
#include "libreplica/operate/proxy_networks.h"

#include <string.h>
#include <apr_strings.h>

struct network {
    unsigned char bytes[POLICY_ADDRESS_BYTES];
    int64_t length; /* of the 128 bits */
    bool is_ipv4;
};

/* Whether the first LENGTH bits agree. */
static bool is_within(const unsigned char *address, const unsigned char *base,
                      int64_t length)
{
    size_t whole = (size_t)length / 8;
    int rest = (int)(length % 8);

    return memcmp(address, base, whole) == 0 &&
           (rest == 0 || (address[whole] ^ base[whole]) >> (8 - rest) == 0);
}

static bool parse(struct network *network, const char *value)
{
    const char *slash = strchr(value, '/');
    struct text address = {value,
                           slash != NULL ? (size_t)(slash - value) : strlen(value)};
    int64_t most;

    if (!policy_address_parse(network->bytes, address))
        return false;
    network->is_ipv4 = policy_address_is_ipv4(network->bytes) &&
                       memchr(address.bytes, ':', address.length) == NULL;
    most = network->is_ipv4 ? 32 : 128;
    network->length = most;
    if (slash != NULL && (!text_parse_number(&network->length, text_of(slash + 1)) ||
                          network->length > most))
        return false;
    network->length += 128 - most;
    return true;
}

static bool has_host_bits(const struct network *network)
{
    for (int bit = (int)network->length; bit < 128; bit++)
        if ((network->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
            return true;
    return false;
}

/* True: it is within one that is there. Those that are within it are taken out. */
static bool is_covered(apr_array_header_t *networks, const struct network *network)
{
    const char **values = (const char **)networks->elts;
    int kept = 0;

    for (int i = 0; i < networks->nelts; i++) {
        struct network other;

        if (!parse(&other, values[i]))
            continue;
        if (other.length <= network->length &&
            is_within(network->bytes, other.bytes, other.length))
            return true;
        if (!is_within(other.bytes, network->bytes, network->length))
            values[kept++] = values[i];
    }
    networks->nelts = kept;
    return false;
}

bool proxy_networks_add(apr_array_header_t *networks, const char *value, apr_pool_t *pool,
                        struct error *error)
{
    struct network network;

    if (!parse(&network, value))
        return error_set(error, ERROR_USAGE,
                         "--network %s: give an address or a network, for example "
                         "10.1.0.0/16 or 2001:db8::/32",
                         value);
    if (network.length == (network.is_ipv4 ? 96 : 0))
        return error_set(error, ERROR_USAGE,
                         "--network %s: that is everybody. A proxy for everybody is "
                         "abused within days: name the networks of your site",
                         value);
    if (has_host_bits(&network))
        return error_set(error, ERROR_USAGE,
                         "--network %s: there are bits behind the prefix; write the "
                         "network's first address, or leave the length out for a single "
                         "address",
                         value);
    if (!is_covered(networks, &network))
        APR_ARRAY_PUSH(networks, const char *) = apr_pstrdup(pool, value);
    return true;
}
