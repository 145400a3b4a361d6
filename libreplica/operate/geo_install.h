/* SPDX-License-Identifier: Apache-2.0 */
/* Downloading the files of the geo database and putting them in their places. */
#ifndef REPLICA_OPERATE_GEO_INSTALL_H
#define REPLICA_OPERATE_GEO_INSTALL_H

#include "libreplica/operate/geo_source.h"

/* Download all SOURCES that changed, check every file, and only then rename them. The
 * caller holds the lock and has checked the directories. Steps are in syslog.
 *   any_new   whether a file was replaced; those that have not changed are touched
 *   stop      may be NULL
 * False: nothing was renamed, or, if a rename failed, the files before it; no temporary
 * file is left. */
bool geo_install(bool *any_new, const struct geo_sources *sources,
                 const struct settings *server, const volatile int *stop,
                 apr_pool_t *pool, struct error *error);

#endif
