/* SPDX-License-Identifier: Apache-2.0 */
/* Where the client is: what says so, in which order, and whom to believe. Source:
 * stratum1-http-and-ops 2.3. */
#ifndef REPLICA_MOD_GEO_ORIGIN_H
#define REPLICA_MOD_GEO_ORIGIN_H

#include <stdbool.h>
#include <httpd.h>

#include "libreplica/geo/locator.h"
#include "mod_replica/geo_config.h"

/* One thing that may say where the client is. */
struct geo_origin {
    const char *source; /* "caching string", "X-Forwarded-For", ... */
    struct text text;   /* an address, or what stands in its place */
    const char *reason; /* why it is not used; NULL if it is */
    struct geo_place place;
};

/* Whether the caching string may be the name or the address of a proxy rather than a
 * client's number or a mere word. Pure. */
bool geo_origin_is_name(struct text caching_string, bool resolves_single_labels);

/* Whether a content delivery network is in front, as far as the headers are believed. */
bool geo_origin_is_behind_cdn(const request_rec *r, const struct geo_config *geo);

/* Find the client.
 *   caching   answered; NULL if the caching string was not looked up
 *   asked     an address in the place of all that the request says; NULL for none
 *   tried     of struct geo_origin, gets what was tried before; may be NULL
 * False: nothing is located. */
bool geo_origin_find(struct geo_origin *origin, request_rec *r,
                     const struct geo_config *geo, const struct geo_database *database,
                     const struct locator_query *caching, const struct text *asked,
                     apr_array_header_t *tried);

#endif
