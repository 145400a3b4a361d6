/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the slashes of a URL: a host, and perhaps a port. Pure. */
#ifndef REPLICA_FORMAT_AUTHORITY_H
#define REPLICA_FORMAT_AUTHORITY_H

#include <stdbool.h>
#include "libreplica/base/text.h"

/* "host", "host:port", "[address]:port". *port: 0 if there is none. False: it is none of
 * these. */
bool authority_split(struct text *host, int *port, struct text authority);

/* Whether HOST has letters, digits and bytes of OTHERS only, or is an IPv6 address in
 * brackets. */
bool authority_is_host(struct text host, const char *others);

#endif
