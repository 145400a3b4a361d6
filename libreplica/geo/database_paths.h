/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the geo database of this server is made of. */
#ifndef REPLICA_GEO_DATABASE_PATHS_H
#define REPLICA_GEO_DATABASE_PATHS_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/settings.h"

/* Absolute paths (const char *) for geo_database_open, whether or not there are such
 * files: those of REPLICA_GEO_DB, else CVMFS_UPDATEGEO_DB; what does not begin with a
 * slash is in CVMFS_UPDATEGEO_DIR. Empty if CVMFS_GEO_DB_FILE is NONE and REPLICA_GEO_DB
 * names nothing: this server has no database and wants none. */
const apr_array_header_t *geo_database_paths(const struct settings *server,
                                             apr_pool_t *pool);

/* Whether a value of CVMFS_GEO_DB_FILE says that there is no database: "none", in any
 * case. */
bool geo_database_file_is_none(const char *value);

#endif
