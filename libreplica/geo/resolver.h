/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses: many at once, by c-ares on a thread of its own. */
#ifndef REPLICA_GEO_RESOLVER_H
#define REPLICA_GEO_RESOLVER_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/geo/address.h"

struct resolver;

/* Lookups that may be under way at once. */
#define RESOLVER_LOOKUPS_MAX 512

/* What a lookup found. */
struct resolver_answer {
    struct geo_address ipv4; /* the first of each family, family 0 for none */
    struct geo_address ipv6;
    bool has_failed; /* nobody answered the question; there may be addresses */
};

/* The end of a lookup; runs on the resolver's thread. */
typedef void resolver_done(void *baton, struct text name,
                           const struct resolver_answer *answer);

/* Start the thread.
 *   nameservers   "address[:port] ..." separated by blanks; NULL: what /etc/hosts and
 *                 /etc/resolv.conf say, which is read again when it changes
 *   search        try the system's search domains too
 *   pool          owns the resolver; clearing it ends the thread and drops what is
 *                 pending, without a call of DONE
 * Errors: ERROR_SETTING for nameservers that cannot be parsed, ERROR_IO. */
bool resolver_create(struct resolver **resolver, const char *nameservers, bool search,
                     resolver_done *done, void *baton, apr_pool_t *pool,
                     struct error *error);

/* Look NAME up (copied; at most 253 bytes): DONE is called once, within about ten seconds
 * even if nobody answers. False: RESOLVER_LOOKUPS_MAX are under way, nothing is done.
 * Thread-safe. */
bool resolver_ask(struct resolver *resolver, struct text name);

/* Whether NAMESERVERS is as resolver_create wants it; ERROR_SETTING if not. */
bool resolver_check_nameservers(const char *nameservers, apr_pool_t *pool,
                                struct error *error);

#endif
