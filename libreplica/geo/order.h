/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several places is nearest. Pure. Source: stratum1-http-and-ops 2.6, 2.7. */
#ifndef REPLICA_GEO_ORDER_H
#define REPLICA_GEO_ORDER_H

#include <stdbool.h>

struct geo_point {
    double latitude;  /* degrees, -90..90 */
    double longitude; /* degrees, -180..180 */
};

struct geo_place {
    bool is_known;
    struct geo_point point; /* if known */
};

/* The great-circle distance in radians, 0..pi: by the spherical law of cosines on
 * colatitudes, so that near-ties fall as they do elsewhere. Never NaN. */
double geo_distance(struct geo_point from, struct geo_point to);

/* Sort by distance from ORIGIN; stable, unknown places last.
 *   positions   COUNT numbers from 1 on: which of PLACES comes first, second, ...
 *   separator   index of the element between hosts and fallback proxies, or -1: the
 *               proxies are sorted first, the nearest known one is then the origin for
 *               the hosts; the answer is hosts, proxies, separator
 *   nearest     may be NULL; the origin that the hosts were sorted by
 * False: no host is known; *positions is a permutation all the same. */
bool geo_order(int *positions, struct geo_point *nearest, const struct geo_place *places,
               int count, int separator, struct geo_point origin);

#endif
