/* SPDX-License-Identifier: Apache-2.0 */
/* How old the geo database of this server is. */
#include "libreplica/geo/geo_state.h"

#include <sys/stat.h>

#include "libreplica/geo/database.h"
#include "libreplica/geo/database_paths.h"

struct geo_state geo_state_read(const struct settings *server, apr_pool_t *parent)
{
    struct geo_state state = {0};
    const apr_array_header_t *paths;
    struct geo_database *database;
    struct stat status;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    paths = geo_database_paths(server, pool);
    state.is_there = paths->nelts > 0;
    for (int i = 0; i < paths->nelts && state.is_there; i++) {
        state.is_there = stat(APR_ARRAY_IDX(paths, i, const char *), &status) == 0 &&
                         S_ISREG(status.st_mode);
        if (state.is_there && (i == 0 || status.st_mtime < state.written))
            state.written = status.st_mtime;
    }
    if (state.is_there && geo_database_open(&database, paths, pool, NULL))
        state.build_epoch = geo_database_build_epoch(database);
    apr_pool_destroy(pool);
    return state;
}
