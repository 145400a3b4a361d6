/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients are, as a geo API with the same database sees it: what its answers depend
 * on, in few words. */
#ifndef REPLICA_GEO_ORIGINS_H
#define REPLICA_GEO_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* A server looks for a new database once a second, and is given some time to open it. A
 * database that has not been in its place for so long is not used here: two servers with
 * different ones would not mean the same by a place. */
#define GEO_ORIGINS_SETTLE_TIME apr_time_from_sec(10)

struct geo_origins;

/* No database yet. */
struct geo_origins *geo_origins_create(apr_pool_t *pool);

/* Use the database in PATHS (const char *; none: addresses are not looked up), and look
 * whether there is another one; once a second at most. False: it cannot be used, and
 * *error says why; said once for each change. */
bool geo_origins_refresh(struct geo_origins *origins, const apr_array_header_t *paths,
                         apr_time_t now, struct error *error);

/* Who asks. */
struct geo_asker {
    struct text caching_string; /* empty: one that says nothing */
    struct text client;         /* an address */
    bool is_forwarded; /* for somebody else, who counts if the client has no place */
};

/* Write what an answer for ASKER depends on: its place, or its address if that is not
 * known.
 *   version   of the database that was asked; 0: none
 * Empty: it cannot be told, or there is no room in SIZE. */
struct text geo_origins_write(uint64_t *version, char *bytes, size_t size,
                              struct geo_origins *origins, const struct geo_asker *asker);

#endif
