/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of clients. */
#include "libreplica/format/policy_network.h"

#include <string.h>

#define ADDRESS_BITS 128
/* What all IPv4 addresses have before their own 32. */
#define IPV4_PREFIX_BITS 96

const char *policy_network_parse(struct policy_network *network, struct text text)
{
    const char *slash = memchr(text.bytes, '/', text.length);
    struct text address = text, length;
    int64_t before = 0, bits;

    network->length = ADDRESS_BITS;
    if (slash != NULL)
        address.length = (size_t)(slash - text.bytes);
    if (!policy_address_parse(network->bytes, address))
        return "address or network (10.0.0.0/8)";
    if (slash == NULL)
        return NULL;
    length = (struct text){slash + 1, text.length - address.length - 1};
    if (memchr(address.bytes, ':', address.length) == NULL)
        before = IPV4_PREFIX_BITS;
    if (!text_parse_number(&bits, length) || bits > ADDRESS_BITS - before)
        return "network: the number of bits is wrong";
    network->length = (int)(before + bits);
    return NULL;
}

bool policy_network_is_exact(const struct policy_network *network)
{
    for (int bit = network->length; bit < ADDRESS_BITS; bit++)
        if ((network->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
            return false;
    return true;
}

bool policy_network_is_everybody(const struct policy_network *network)
{
    return network->length ==
           (policy_address_is_ipv4(network->bytes) ? IPV4_PREFIX_BITS : 0);
}

bool policy_network_holds(const struct policy_network *network,
                          const unsigned char address[POLICY_ADDRESS_BYTES])
{
    int bytes = network->length / 8, bits = network->length % 8;

    /* ::/0 is all of IPv6, not of IPv4. */
    return policy_address_is_ipv4(network->bytes) == policy_address_is_ipv4(address) &&
           memcmp(network->bytes, address, (size_t)bytes) == 0 &&
           (bits == 0 || ((network->bytes[bytes] ^ address[bytes]) >> (8 - bits)) == 0);
}
