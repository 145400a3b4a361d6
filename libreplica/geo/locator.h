/* SPDX-License-Identifier: Apache-2.0 */
/* Where names and addresses are, by a deadline: the name cache, the resolver and the
 * database put together. One for each process of a server. */
#ifndef REPLICA_GEO_LOCATOR_H
#define REPLICA_GEO_LOCATOR_H

#include "libreplica/geo/current_database.h"
#include "libreplica/geo/name_cache.h"
#include "libreplica/geo/resolver.h"

struct locator;

enum locator_source {
    LOCATOR_NOTHING, /* no name: empty, too long, or of bytes that no name has */
    LOCATOR_LITERAL, /* the name is an address */
    LOCATOR_CACHE,   /* was known */
    LOCATOR_LOOKUP,  /* was looked up for this question */
    LOCATOR_LATE     /* not known by the deadline; unknown for now */
};

/* One question and its answer. */
struct locator_query {
    struct text name; /* set by the caller; the rest is the answer */
    struct geo_place place;
    struct geo_address address; /* that the place is of, or the first one if there is no
                                   place; family 0 if there is none */
    enum locator_source source;
};

/* Open the database, start the thread that looks names up and looks for new files.
 *   cache      of the server, made before the fork
 *   paths      of the database's files, const char *; none: there is no database
 *   report     is told, on any thread, about a database that was put in service or
 *              refused
 *   pool       of the process; nobody may ask any more when it is cleared */
typedef void locator_report(void *baton, bool is_good, const char *message);
bool locator_create(struct locator **locator, struct name_cache *cache,
                    const apr_array_header_t *paths,
                    const struct resolver_options *options, locator_report *report,
                    void *baton, apr_pool_t *pool, struct error *error);

/* The database in service, held for one question and its answer; NULL without one. */
struct geo_database *locator_hold(struct locator *locator);
void locator_release(struct locator *locator, struct geo_database *database);

/* Answer all QUERIES, the unknown names in parallel, by DEADLINE (of CLOCK_MONOTONIC, see
 * locator_now) at the latest. What is not ready then goes on in the background for the
 * next one who asks. Thread-safe. */
void locator_find(struct locator *locator, const struct geo_database *database,
                  struct locator_query *queries, int count, apr_time_t deadline,
                  apr_pool_t *pool);

/* CLOCK_MONOTONIC in microseconds. */
apr_time_t locator_now(void);

#endif
