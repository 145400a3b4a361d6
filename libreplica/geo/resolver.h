/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses: many at once, on a thread of its own, by c-ares or from a hosts
 * file. */
#ifndef REPLICA_GEO_RESOLVER_H
#define REPLICA_GEO_RESOLVER_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/geo/address.h"

struct resolver;

struct resolver_options {
    const char *hosts_file;  /* "": none */
    const char *nameservers; /* "address[:port] ..."; "system"; "": the system's, or none
                                at all if there is a hosts file */
    bool single_labels;      /* try the system's search domains on names without a dot */
};

/* What a lookup found: the first address of each family, family 0 for none. Runs on the
 * resolver's thread, or within resolver_ask for what the hosts file knows. */
typedef void resolver_done(void *baton, struct text name, const struct geo_address *ipv4,
                           const struct geo_address *ipv6);

/* Call from the resolver's thread about once a second, between lookups. */
typedef void resolver_tick(void *baton);

/* Start the thread.
 *   pool   owns the resolver; clearing it ends the thread and drops what is pending */
bool resolver_create(struct resolver **resolver, const struct resolver_options *options,
                     resolver_done *done, resolver_tick *tick, void *baton,
                     apr_pool_t *pool, struct error *error);

/* Look NAME (lower case, copied) up; DONE is called exactly once, soon or when the
 * nameservers' last timeout is over. False: too many lookups are under way, nothing is
 * done. Thread-safe. */
bool resolver_ask(struct resolver *resolver, struct text name);

#endif
