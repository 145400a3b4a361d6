/* SPDX-License-Identifier: Apache-2.0 */
/* The database in service: exchanged for a new one while readers go on. */
#ifndef REPLICA_GEO_CURRENT_DATABASE_H
#define REPLICA_GEO_CURRENT_DATABASE_H

#include "libreplica/geo/database.h"

struct current_database;

/* PATHS as for geo_database_open; copied. Opens nothing yet. */
struct current_database *current_database_create(const apr_array_header_t *paths,
                                                 apr_pool_t *pool);

/* Look at the files; if they are others than those in service, open and check them and,
 * if they are good, put them in service. Call it from one thread, every few seconds.
 * True: what is in service is what is on disk. False: *error says why not; what was in
 * service stays, and if that was nothing, those of several files that are good come. The
 * same bad files are looked into only once: *is_news is false when this very state was
 * reported before. */
bool current_database_refresh(struct current_database *current, bool *is_news,
                              struct error *error);

/* Put what PATHS name in service, e.g. files that others have replaced meanwhile, if not
 * all that should be is. On the thread that refreshes. */
void current_database_fall_back(struct current_database *current,
                                const apr_array_header_t *paths);

/* The database in service, held until it is released; NULL if there never was a good one.
 * Never blocks. Thread-safe. */
struct geo_database *current_database_hold(struct current_database *current);
void current_database_release(struct current_database *current,
                              struct geo_database *database);

#endif
