/* SPDX-License-Identifier: Apache-2.0 */
/* Where the geo database of this server comes from. */
#ifndef REPLICA_OPERATE_GEO_SOURCE_H
#define REPLICA_OPERATE_GEO_SOURCE_H

#include <time.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/settings.h"

/* One file to be downloaded; more than one of the database's may be in it. */
struct geo_source {
    const char *url;
    const char *earlier_url;     /* of the month before, if the URL names a month */
    const char *name;            /* the URL without what may be secret, for messages */
    const char *credentials;     /* "account:key"; NULL: none */
    const char *checksum_suffix; /* its SHA-256 is at the URL with this appended; NULL: it
                                    has none */
    bool needs_checksum;         /* an answer without one is not taken */
    apr_array_header_t *paths;   /* the files it is for, const char * */
};

/* What update-geodb does on this server. */
enum geo_plan {
    GEO_PLAN_LINK,     /* the database is a file that something else keeps fresh */
    GEO_PLAN_DOWNLOAD, /* from the sources */
    GEO_PLAN_NOTHING   /* no source is configured */
};

struct geo_sources {
    enum geo_plan plan;
    const char *linked;              /* GEO_PLAN_LINK: "NONE" or an absolute path */
    apr_array_header_t *sources;     /* GEO_PLAN_DOWNLOAD: struct geo_source */
    const apr_array_header_t *paths; /* all files of the database, const char * */
    const char *missing;             /* GEO_PLAN_NOTHING: the setting that is missing */
};

/* Settings into sources. CVMFS_GEO_ACCOUNT_ID, CVMFS_GEO_LICENSE_KEY and
 * CVMFS_GEO_DB_FILE in the environment count before those of the files. now   for the
 * year and month in URLs False: ERROR_SETTING. */
bool geo_sources_find(struct geo_sources *sources, const struct settings *server,
                      time_t now, apr_pool_t *pool, struct error *error);

/* URL with the year in the place of %Y and the month, 01 to 12, in the place of %m.
 * Pure. */
const char *geo_url_expand(const char *url, int year, int month, apr_pool_t *pool);

/* URL without user, password, query and fragment. Pure. */
const char *geo_url_for_people(const char *url, apr_pool_t *pool);

#endif
