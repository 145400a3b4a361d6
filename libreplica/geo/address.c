/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as bytes. */
#include "libreplica/geo/address.h"

#include <arpa/inet.h>
#include <string.h>

#define IPV4_SIZE 4

static struct text without_brackets(struct text text)
{
    if (text.length < 2 || text.bytes[0] != '[' || text.bytes[text.length - 1] != ']')
        return text;
    return (struct text){text.bytes + 1, text.length - 2};
}

/* Servers that listen on both families see IPv4 peers so. */
static void unwrap_ipv4(struct geo_address *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
        return;
    address->family = AF_INET;
    memmove(address->bytes, address->bytes + sizeof(mapped), IPV4_SIZE);
    memset(address->bytes + IPV4_SIZE, 0, sizeof(mapped));
}

bool geo_address_parse(struct geo_address *address, struct text text)
{
    char string[GEO_ADDRESS_TEXT_SIZE];
    int family;

    *address = (struct geo_address){0};
    text = without_brackets(text);
    if (text.length == 0 || text.length >= sizeof(string) ||
        memchr(text.bytes, '\0', text.length) != NULL)
        return false;
    memcpy(string, text.bytes, text.length);
    string[text.length] = '\0';
    family = memchr(string, ':', text.length) != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, string, address->bytes) != 1) {
        *address = (struct geo_address){0};
        return false;
    }
    address->family = family;
    if (family == AF_INET6)
        unwrap_ipv4(address);
    return true;
}

const char *geo_address_format(char text[GEO_ADDRESS_TEXT_SIZE],
                               const struct geo_address *address)
{
    _Static_assert(GEO_ADDRESS_TEXT_SIZE >= INET6_ADDRSTRLEN, "an address does not fit");
    if (address->family == 0 ||
        inet_ntop(address->family, address->bytes, text, GEO_ADDRESS_TEXT_SIZE) == NULL)
        *text = '\0';
    return text;
}
