/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories of a catalog are heavy enough for catalogs of their own. Source:
 * cvmfs-format 7.7. */
#ifndef REPLICA_FORMAT_CATALOG_BALANCE_H
#define REPLICA_FORMAT_CATALOG_BALANCE_H

#include <apr_tables.h>
#include "libreplica/format/catalog.h"

/* A directory with this file, beside the marker, was made a nested catalog by its weight,
 * and may lose it again. */
#define CATALOG_AUTOMATIC_MARKER ".cvmfsautocatalog"

/* What everything in the catalog whose root is PREFIX weighs: a directory 1 and what is
 * in it, all else 1, also the mountpoint of another catalog. paths   of const char *:
 * directories that have to become nested catalogs, in this order, so that none weighs
 * more than TARGET: from the bottom up, of each directory the heaviest first, by name if
 * they weigh the same. Those that weigh less than MINIMUM are left alone, so it may not
 * be enough. The catalog is a trusted one; it is read from one end to the other. Memory
 * grows with its depth and with the number of directories of MINIMUM and more. POOL owns
 * *paths. False: ERROR_TOO_LARGE (nested too deep), ERROR_IO. */
bool catalog_plan_balance(apr_array_header_t **paths, struct catalog *catalog,
                          const char *prefix, int64_t target, int64_t minimum,
                          apr_pool_t *pool, struct error *error);

#endif
