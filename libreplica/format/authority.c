/* SPDX-License-Identifier: Apache-2.0 */
/* A host, and perhaps a port. */
#include "libreplica/format/authority.h"

#include <string.h>

#include "libreplica/format/policy_query.h"

#define HOST_LENGTH_MAX 255

bool authority_split(struct text *host, int *port, struct text authority)
{
    bool is_literal = authority.length > 0 && *authority.bytes == '[';
    const char *end = memchr(authority.bytes, is_literal ? ']' : ':', authority.length);
    struct text rest;
    int64_t number;

    *port = 0;
    if (end == NULL && is_literal)
        return false;
    *host = authority;
    if (end != NULL)
        host->length = (size_t)(end - authority.bytes) + is_literal;
    rest = (struct text){authority.bytes + host->length, authority.length - host->length};
    if (host->length == 0 || rest.length == 0)
        return host->length > 0;
    if (*rest.bytes != ':' ||
        !text_parse_number(&number, (struct text){rest.bytes + 1, rest.length - 1}) ||
        number < 1 || number > 65535)
        return false;
    *port = (int)number;
    return true;
}

bool authority_is_host(struct text host, const char *others)
{
    unsigned char address[POLICY_ADDRESS_BYTES];

    if (host.length == 0 || host.length > HOST_LENGTH_MAX)
        return false;
    if (*host.bytes != '[')
        return text_has_only(host, others);
    return host.length > 2 && host.bytes[host.length - 1] == ']' &&
           policy_address_parse(address,
                                (struct text){host.bytes + 1, host.length - 2}) &&
           !policy_address_is_ipv4(address);
}
