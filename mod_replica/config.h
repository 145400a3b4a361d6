/* SPDX-License-Identifier: Apache-2.0 */
/* The one directive, `Replica <confdir> [door...]`, and what is read when httpd meets it.
 */
#ifndef REPLICA_MOD_CONFIG_H
#define REPLICA_MOD_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "libreplica/base/settings.h"

extern module AP_MODULE_DECLARE_DATA replica_module;

/* What a server (or virtual host) with the directive has; one with CONFDIR NULL has no
 * directive. Everything but REPOSITORIES and MISSING is fixed at (re)start. */
struct replica_config {
    const char *confdir;
    unsigned int doors;                  /* bit set of 1 << enum door */
    const struct settings *settings;     /* of the server: server.local, replica.local */
    apr_array_header_t *trusted_proxies; /* of apr_ipsubnet_t * */
    struct geo_config *geo;
    struct repository_cache *repositories; /* made by each child process */
    struct missing_log *missing;           /* also */
};

void *config_create(apr_pool_t *pool, server_rec *server);
void *config_merge(apr_pool_t *pool, void *base, void *overrides);
extern const command_rec config_commands[];

/* NULL if the server has no directive. */
struct replica_config *config_of_server(const server_rec *server);

/* Hook post_config: what the processes share, made before they are. */
int config_open(apr_pool_t *pool, apr_pool_t *log_pool, apr_pool_t *temporary_pool,
                server_rec *main_server);

/* Hook child_init: the parts of the configuration that a child process fills itself. */
void config_start_child(apr_pool_t *pool, server_rec *main_server);

#endif
