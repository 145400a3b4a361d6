/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of clients, as Squid's src ACLs want them. */
#ifndef REPLICA_OPERATE_PROXY_NETWORKS_H
#define REPLICA_OPERATE_PROXY_NETWORKS_H

#include <apr_tables.h>
#include "libreplica/base/error.h"

/* Add VALUE, an address or "address/length", to NETWORKS (of const char *). Squid
 * complains of a network within another one: the narrower is left out. False:
 * ERROR_USAGE, the message begins with "--network VALUE: ". */
bool proxy_networks_add(apr_array_header_t *networks, const char *value, apr_pool_t *pool,
                        struct error *error);

#endif
