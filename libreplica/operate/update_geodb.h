/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the geo database fresh: from its vendor, from other URLs, or by a link to a
 * file that something else keeps fresh. A new file is opened and checked before it is
 * renamed to its place; after every failure the old one is as it was. Source:
 * stratum1-http-and-ops 2.8. */
#ifndef REPLICA_OPERATE_UPDATE_GEODB_H
#define REPLICA_OPERATE_UPDATE_GEODB_H

#include "libreplica/base/settings.h"

enum geo_update_outcome {
    GEO_UPDATE_NOTHING,  /* fresh, or tried today already */
    GEO_UPDATE_WAITING,  /* ageing, and the time for it is not now */
    GEO_UPDATE_BUSY,     /* lazy, and another process is at it */
    GEO_UPDATE_LINKED,   /* a link was made */
    GEO_UPDATE_CURRENT,  /* asked: there is nothing newer */
    GEO_UPDATE_INSTALLED /* at least one new file */
};

struct geo_update_result {
    enum geo_update_outcome outcome; /* of a success */
    bool was_tried;                  /* an installation was begun: it failed or not */
};

struct geo_update_options {
    bool is_lazy;             /* keep to the rules about age and time */
    const char *identity;     /* of the host, to spread the time; NULL: do not */
    const volatile int *stop; /* may be NULL */
    /* What is begun, as the beginning of a line for people, or warnings; may be NULL. */
    void (*say)(void *baton, const char *text);
    void *baton;
};

/* False: *error is for people; ERROR_SETTING, ERROR_PERMISSION (the directory, or the
 * file to be linked to), ERROR_NOT_FOUND, ERROR_CANCELLED, and whatever can go wrong with
 * a download. Steps are in syslog. Blocks; thread-safe. */
bool update_geodb(struct geo_update_result *result, const char *confdir,
                  const struct settings *server, const struct geo_update_options *options,
                  apr_pool_t *pool, struct error *error);

/* Whether the settings name anything to get or to link to. */
bool update_geodb_is_configured(const struct settings *server, apr_pool_t *pool);

#endif
