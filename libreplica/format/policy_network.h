/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of clients, as rules and options have them. Pure. */
#ifndef REPLICA_FORMAT_POLICY_NETWORK_H
#define REPLICA_FORMAT_POLICY_NETWORK_H

#include "libreplica/format/policy_query.h"

struct policy_network {
    unsigned char bytes[POLICY_ADDRESS_BYTES];
    int length; /* of all 128 bits */
};

/* An address, or "address/length". NULL: *network is set; else what TEXT is not. */
const char *policy_network_parse(struct policy_network *network, struct text text);

/* Whether there is nothing behind its length. */
bool policy_network_is_exact(const struct policy_network *network);

/* Whether it is all of IPv4 or all of IPv6. */
bool policy_network_is_everybody(const struct policy_network *network);

bool policy_network_holds(const struct policy_network *network,
                          const unsigned char address[POLICY_ADDRESS_BYTES]);

#endif
