/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the geo database of this server is made of. */
#include "libreplica/geo/database_paths.h"

#include <strings.h>
#include <apr_strings.h>

bool geo_database_file_is_none(const char *value)
{
    return strcasecmp(value, "none") == 0;
}

static const char *absolute(const char *name, const struct settings *server,
                            apr_pool_t *pool)
{
    return *name == '/' ? apr_pstrdup(pool, name)
                        : apr_pstrcat(pool, settings_text(server, SETTING_UPDATEGEO_DIR),
                                      "/", name, NULL);
}

const apr_array_header_t *geo_database_paths(const struct settings *server,
                                             apr_pool_t *pool)
{
    apr_array_header_t *paths = apr_array_make(pool, 2, sizeof(const char *));
    char *rest = apr_pstrdup(pool, settings_text(server, SETTING_GEO_DB)), *state, *name;

    for (name = apr_strtok(rest, " \t", &state); name != NULL;
         name = apr_strtok(NULL, " \t", &state))
        APR_ARRAY_PUSH(paths, const char *) = absolute(name, server, pool);
    if (paths->nelts == 0 &&
        !geo_database_file_is_none(settings_text(server, SETTING_GEO_DB_FILE)))
        APR_ARRAY_PUSH(paths, const char *) =
            absolute(settings_text(server, SETTING_UPDATEGEO_DB), server, pool);
    return paths;
}
