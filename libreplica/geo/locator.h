/* SPDX-License-Identifier: Apache-2.0 */
/* Where names and addresses are, by a deadline: the name cache, the resolver, the hosts
 * file and the database put together. One for each process of a server. Source:
 * stratum1-http-and-ops 2.4. */
#ifndef REPLICA_GEO_LOCATOR_H
#define REPLICA_GEO_LOCATOR_H

#include <apr_tables.h>
#include <apr_time.h>

#include "libreplica/geo/database.h"
#include "libreplica/geo/name_cache.h"

struct locator;

/* Told, on any thread, about files that were put in service or refused. */
typedef void locator_report(void *baton, bool is_good, const char *message);

struct locator_options {
    const apr_array_header_t *databases;      /* paths, const char *; none: no database */
    const apr_array_header_t *kept_databases; /* paths of the same files as they were when
                            the server started, for want of good ones; NULL: none */
    const char *hosts_file;                   /* "": none */
    const char *nameservers; /* REPLICA_GEO_NAMESERVERS: "address[:port] ...", "system";
                                "": the system's, or none if there is a hosts file */
    bool search_domains;     /* try the system's search domains too */
    int waiting_max; /* questions that may wait while names are not answered in time;
                        more are told at once what is known; 0: any number */
    locator_report *report;
    void *baton;
};

/* Whether the options can be used, as far as that can be said without opening files. */
bool locator_check(const struct locator_options *options, apr_pool_t *pool,
                   struct error *error);

/* Open the files and start the threads that look names up and that look for new files
 * once a second. A file that cannot be used is reported, and is no error here.
 *   options   copied
 *   cache     of the server, made before the fork
 *   pool      of the process; nobody may ask any more when it is cleared */
bool locator_create(struct locator **locator, const struct locator_options *options,
                    struct name_cache *cache, apr_pool_t *pool, struct error *error);

/* The database in service, held for one question and its answer; NULL without one. */
struct geo_database *locator_hold(struct locator *locator);
void locator_release(struct locator *locator, struct geo_database *database);

enum locator_source {
    LOCATOR_NOTHING, /* no name: empty, too long, or of bytes that no name has */
    LOCATOR_LITERAL, /* the name is an address */
    LOCATOR_CACHE,   /* was known */
    LOCATOR_LOOKUP,  /* was looked up for this question */
    LOCATOR_LATE     /* unknown for now: no answer by the deadline, or none from any
                        nameserver */
};

/* One question and its answer. */
struct locator_query {
    struct text name; /* set by the caller; the rest is the answer */
    struct geo_place place;
    struct geo_address address; /* that the place is of, or the first one if there is no
                                   place; family 0 if there is none */
    enum locator_source source;
};

/* Answer all QUERIES, names that are not known in parallel, by DEADLINE (of clock_now) at
 * the latest. What is not ready then goes on in the background, for the next one who
 * asks. Thread-safe. */
void locator_find(struct locator *locator, const struct geo_database *database,
                  struct locator_query *queries, int count, apr_time_t deadline,
                  apr_pool_t *pool);

/* Lookups begun since the server started, by all its processes. */
int64_t locator_lookups(const struct locator *locator);

#endif
