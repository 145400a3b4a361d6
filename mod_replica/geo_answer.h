/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the geo API and its answer. Source: stratum1-http-and-ops 2.3 to 2.7.
 */
#ifndef REPLICA_MOD_GEO_ANSWER_H
#define REPLICA_MOD_GEO_ANSWER_H

#include <stdbool.h>
#include <httpd.h>

#include "libreplica/format/geo_request.h"
#include "mod_replica/geo_origin.h"

struct geo_answer {
    const char *failure;        /* what is wrong, or NULL */
    bool is_late;               /* names were not known in time */
    int *positions;             /* the answer: of each element, from 1 on; NULL: none */
    struct geo_origin origin;   /* unset if there is none */
    struct geo_point sorted_by; /* what the hosts were sorted by */
    /* How it came about. */
    const struct locator_query *caching;    /* NULL: not looked up */
    const struct locator_query *elements;   /* one for each of the request */
    const struct locator_query *behind_cdn; /* "ip.<host>", one for each host; NULL: no
                                               content delivery network */
    const struct geo_place *places;         /* one for each element */
};

/* The number of elements that are hosts, not fallback proxies. */
int geo_answer_host_count(const struct geo_request *request);

/* Find ANSWER, with one lookup of all names by one deadline.
 *   asked, tried   as for geo_origin_find */
void geo_answer_find(struct geo_answer *answer, request_rec *r,
                     const struct geo_config *geo, const struct geo_database *database,
                     const struct geo_request *request, const struct text *asked,
                     apr_array_header_t *tried);

/* The positions as a line of text. */
struct text geo_answer_format(const int *positions, int count, apr_pool_t *pool);

#endif
