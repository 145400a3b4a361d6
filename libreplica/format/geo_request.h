/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of the geo API, what follows /cvmfs/<repository>/api/. Source:
 * stratum1-http-and-ops 2.1, 2.2. */
#ifndef REPLICA_FORMAT_GEO_REQUEST_H
#define REPLICA_FORMAT_GEO_REQUEST_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/text.h"

/* Stands between hosts and fallback proxies. */
#define GEO_REQUEST_SEPARATOR "+PXYSEP+"

struct geo_request {
    bool asks_lookup_count;      /* the caching string _namelookups_: no list is parsed */
    struct text caching_string;  /* may be empty */
    const struct text *elements; /* the list as sent, separator included; may be empty
                                    texts */
    int count;                   /* at least 1; 0 if the count was asked for */
    int separator;               /* index of the first +PXYSEP+, -1 without one */
};

/* Parse a percent-decoded path.
 *   repository   its first component
 *   api          what follows "api/", e.g. "v1.0/geo/x/a,b"; no query
 *   pool         owns request->elements and *reason; the texts point into API
 * False: *reason is what follows "Bad Request: " in the answer, in printable ASCII.
 * Thread-safe, pure. */
bool geo_request_parse(struct geo_request *request, const char **reason,
                       struct text repository, struct text api, apr_pool_t *pool);

/* Whether a caching string says nothing about where its sender is: "x", or 8-4-4-4-12 hex
 * digits, as clients without a proxy call themselves. Such a one is never looked up. */
bool geo_request_is_anonymous(struct text caching_string);

#endif
