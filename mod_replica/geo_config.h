/* SPDX-License-Identifier: Apache-2.0 */
/* What the geo API of a server has: its settings, its name cache, its locator. */
#ifndef REPLICA_MOD_GEO_CONFIG_H
#define REPLICA_MOD_GEO_CONFIG_H

#include <stdbool.h>
#include <httpd.h>

#include "libreplica/base/settings.h"
#include "libreplica/geo/locator.h"

struct geo_config {
    struct locator_options locator_options;
    apr_array_header_t *trusted;     /* apr_ipsubnet_t *: whose headers are believed */
    bool trusts_anyone;              /* everybody's are */
    apr_array_header_t *cdn_headers; /* const char * */
    bool resolves_single_labels;
    apr_time_t budget;        /* for an answer */
    struct name_cache *cache; /* made before the fork; NULL: cannot be had */
    struct locator *locator;  /* made by each child process; NULL: cannot be had */
};

/* Check the settings of a server.
 *   pool   owns *geo and the message
 * NULL, or a message for httpd to stop with. */
const char *geo_config_read(struct geo_config **geo, const struct settings *settings,
                            apr_pool_t *pool);

/* Make the name cache; in the parent, with the configuration's POOL. Failures are logged,
 * and the geo API is out of service then. */
void geo_config_open(struct geo_config *geo, const struct settings *settings,
                     server_rec *server, apr_pool_t *pool);

/* Make the locator, in a child process, with its POOL. */
void geo_config_start_child(struct geo_config *geo, server_rec *server, apr_pool_t *pool);

#endif
