/* SPDX-License-Identifier: Apache-2.0 */
/* Where names are, in memory that a server's processes share. Source:
 * stratum1-http-and-ops 2.4. */
#ifndef REPLICA_GEO_NAME_CACHE_H
#define REPLICA_GEO_NAME_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/geo/address.h"
#include "libreplica/geo/order.h"

struct name_cache;

/* What is known of a name. */
struct name_entry {
    struct geo_address ipv4; /* the first of each family, family 0 if it has none */
    struct geo_address ipv6;
    struct geo_place place;
    bool is_by_ipv6;           /* the place is that of the IPv6 address */
    bool has_failed;           /* not "there is no such name", but no answer */
    uint64_t database_version; /* that the place was looked for in */
};

enum name_state {
    NAME_FRESH,   /* use the entry */
    NAME_STALE,   /* use the entry; somebody is looking anew */
    NAME_RENEW,   /* use the entry, and look the name up as for NAME_CLAIMED */
    NAME_CLAIMED, /* unknown: look the name up, then store or abandon it */
    NAME_PENDING, /* unknown, and somebody is looking it up: wait */
    NAME_NO_CACHE /* the cache cannot be had by the deadline */
};

/* Make the memory; to be called before the processes fork.
 *   capacity   names at most; the least recently used one goes first
 *   lifetime   how long an entry is fresh, from the start of its lookup on; one whose
 *              lookup has failed is for half a minute at most
 *   pool       of the parent: clearing it there leaves the children's view alone */
bool name_cache_create(struct name_cache **cache, int capacity, apr_time_t lifetime,
                       apr_pool_t *pool, struct error *error);

/* Find NAMES[0..count), in lower case; sets ENTRIES and STATES of each. A
 * name that is not there, and one whose lookup died with its process, is claimed for the
 * caller.
 *   deadline   of CLOCK_MONOTONIC: the lock is not waited for any longer
 * Thread-safe, across processes too. A process that dies in the middle costs the others
 * what the cache held, never their time. */
void name_cache_find(struct name_entry *entries, enum name_state *states,
                     struct name_cache *cache, const struct text *names, int count,
                     apr_time_t deadline);

/* The end of a claimed lookup. An entry without a place does not replace one that has a
 * place. Wakes those who wait. */
void name_cache_store(struct name_cache *cache, struct text name,
                      const struct name_entry *entry);

/* A claimed lookup is not done after all: the next one who asks may claim it. */
void name_cache_abandon(struct name_cache *cache, struct text name);

/* The place was looked for in another database, without a lookup of the name. Nothing
 * changes if the name has got other addresses meanwhile. */
void name_cache_relocate(struct name_cache *cache, struct text name,
                         const struct name_entry *entry);

/* Wait until something was stored since the caller read TICKET; at most to DEADLINE, and
 * a tenth of a second: what is pending may have died. */
uint32_t name_cache_ticket(const struct name_cache *cache);
void name_cache_wait(struct name_cache *cache, uint32_t ticket, apr_time_t deadline);

/* Lookups claimed, and not given back, since the memory was made. */
int64_t name_cache_lookups(const struct name_cache *cache);

#endif
