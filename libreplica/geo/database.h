/* SPDX-License-Identifier: Apache-2.0 */
/* Where an address is: one or several MMDB files, opened and checked. Source:
 * stratum1-http-and-ops 2.5. */
#ifndef REPLICA_GEO_DATABASE_H
#define REPLICA_GEO_DATABASE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/geo/address.h"
#include "libreplica/geo/order.h"

struct geo_database;

/* Open all of PATHS (const char *), links followed, and check each by its content: it
 * opens, its build epoch is above 0, and some record has coordinates, either
 * location.latitude/longitude or flat latitude/longitude, double or float.
 *   pool   owns *database; clearing it closes the files
 * Errors, with the path in front: ERROR_NOT_FOUND, ERROR_PERMISSION, ERROR_IO,
 * ERROR_BAD_FORMAT. Files must be replaced by rename, never overwritten: they are mapped.
 * May take seconds for a large file without coordinates. */
bool geo_database_open(struct geo_database **database, const apr_array_header_t *paths,
                       apr_pool_t *pool, struct error *error);

/* The coordinates of ADDRESS, from the first file that has some. False: unknown, or what
 * the file says is damaged or no point on Earth. Thread-safe. */
bool geo_database_find(struct geo_point *point, const struct geo_database *database,
                       const struct geo_address *address);

/* A number that differs, in practice, between any two versions of the files, the same in
 * every process that opened the same ones. Never 0. */
uint64_t geo_database_version(const struct geo_database *database);

/* The version that a database opened from PATHS now would have. What is missing counts
 * too, so any change shows. Opens nothing. */
uint64_t geo_database_look(const apr_array_header_t *paths);

/* Seconds since 1970, of the oldest file. */
int64_t geo_database_build_epoch(const struct geo_database *database);

/* Whether the files on disk are others now than when they were opened. */
bool geo_database_is_outdated(const struct geo_database *database);

#endif
