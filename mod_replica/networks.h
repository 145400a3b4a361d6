/* SPDX-License-Identifier: Apache-2.0 */
/* Networks that the administrator names, as in "10.0.0.0/8 ::1". */
#ifndef REPLICA_MOD_NETWORKS_H
#define REPLICA_MOD_NETWORKS_H

#include <stdbool.h>
#include <apr_network_io.h>
#include <apr_tables.h>

#include "libreplica/geo/address.h"

/* TEXT, separated by blanks, is the value of the setting KEY.
 *   pool   owns *networks and the message
 * NULL, or a message for httpd to stop with. */
const char *networks_parse(apr_array_header_t **networks, const char *key,
                           const char *text, apr_pool_t *pool);

bool networks_contain(const apr_array_header_t *networks, apr_sockaddr_t *address);
bool networks_contain_bytes(const apr_array_header_t *networks,
                            const struct geo_address *address);

#endif
