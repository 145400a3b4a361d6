/* SPDX-License-Identifier: Apache-2.0 */
/* How old the geo database of this server is. */
#ifndef REPLICA_GEO_GEO_STATE_H
#define REPLICA_GEO_GEO_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "libreplica/base/settings.h"

struct geo_state {
    bool is_there;       /* every file of it is there, links followed */
    time_t written;      /* when the oldest of the files was; if it is there */
    int64_t build_epoch; /* of the oldest, seconds since 1970; 0: it cannot be used */
};

/* Look at the files. POOL is for temporary needs. */
struct geo_state geo_state_read(const struct settings *server, apr_pool_t *pool);

#endif
