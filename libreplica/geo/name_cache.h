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
    uint64_t database_version; /* that the place was found in */
};

enum name_state {
    NAME_FRESH,   /* use the entry */
    NAME_STALE,   /* use the entry; somebody is looking anew */
    NAME_CLAIMED, /* the caller must look the name up and call name_cache_store */
    NAME_RENEW,   /* both: use the entry, and look the name up */
    NAME_PENDING, /* somebody is looking it up for the first time: wait */
    NAME_NO_CACHE /* the cache cannot be had now */
};

/* Make the memory; call it before the processes fork.
 *   capacity   names at most; the least recently used one goes first
 *   lifetime   how long an entry is fresh, counted from the start of its lookup
 *   pool       of the parent: clearing it there unmaps the memory there alone */
bool name_cache_create(struct name_cache **cache, int capacity, apr_time_t lifetime,
                       apr_pool_t *pool, struct error *error);

/* Find NAMES[0..count) under one lock; ENTRIES and STATES are set for each. A name that
 * is not there, or whose lookup died with its process, is claimed for the caller.
 *   deadline   of CLOCK_MONOTONIC: later the lock is not waited for
 * Thread-safe, across processes too; a process that dies in the middle costs the others
 * the cache's content, never their time. */
void name_cache_find(struct name_entry *entries, enum name_state *states,
                     struct name_cache *cache, const struct text *names, int count,
                     apr_time_t deadline);

/* The end of a claimed lookup. An entry without a place does not replace one that has
 * one, which then stays as stale as it was for another lifetime. Wakes those who wait. */
void name_cache_store(struct name_cache *cache, struct text name,
                      const struct name_entry *entry);

/* The place of an entry was found anew in another database: no lookup. */
void name_cache_relocate(struct name_cache *cache, struct text name,
                         const struct name_entry *entry);

/* Wait until something was stored since the caller read TICKET, but not past DEADLINE and
 * not long: what is pending may have died. */
uint32_t name_cache_ticket(const struct name_cache *cache);
void name_cache_wait(struct name_cache *cache, uint32_t ticket, apr_time_t deadline);

/* Lookups begun since the server started. */
int64_t name_cache_lookups(const struct name_cache *cache);

#endif
