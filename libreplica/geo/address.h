/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses as bytes. */
#ifndef REPLICA_GEO_ADDRESS_H
#define REPLICA_GEO_ADDRESS_H

#include <stdbool.h>
#include "libreplica/base/text.h"

#define GEO_ADDRESS_TEXT_SIZE 46

struct geo_address {
    int family;              /* AF_INET, AF_INET6; 0: no address */
    unsigned char bytes[16]; /* network order; 4 of them for AF_INET */
};

/* A literal in its full form (no abbreviated IPv4, no zone); one pair of brackets around
 * it is taken off. An IPv4 address inside IPv6 (::ffff:a.b.c.d) becomes IPv4. False: the
 * text is something else. Pure. */
bool geo_address_parse(struct geo_address *address, struct text text);

/* "" for no address. */
const char *geo_address_format(char text[GEO_ADDRESS_TEXT_SIZE],
                               const struct geo_address *address);

#endif
