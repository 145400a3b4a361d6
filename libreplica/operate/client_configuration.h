/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of a repository has to be told: /etc/cvmfs/config.d/<fqrn>.conf. */
#ifndef REPLICA_OPERATE_CLIENT_CONFIGURATION_H
#define REPLICA_OPERATE_CLIENT_CONFIGURATION_H

#include "libreplica/store/repository.h"

struct client_configuration {
    apr_array_header_t *servers; /* of const char *: URLs */
    const char *proxies;         /* NULL: none was named */
    const char *keys_folder;     /* that clients have already; NULL: bring them along */
    bool has_geo_database;       /* this server */
    apr_pool_t *pool;
};

void client_configuration_init(struct client_configuration *configuration,
                               apr_pool_t *pool);

/* This server first: URL, or what the repository's configuration says, with HOST in the
 * place of localhost. False: ERROR_USAGE. */
bool client_configuration_add_self(struct client_configuration *configuration,
                                   const struct repository *repository, const char *url,
                                   const char *host, struct error *error);

/* "http://host:port/path", or what of it is enough: a host. False: ERROR_USAGE. */
bool client_configuration_add_server(struct client_configuration *configuration,
                                     const char *server, struct error *error);

/* "http://host:port", "host:port", "DIRECT", "auto", or several with | and ;. Several
 * calls share the load, DIRECT is for when none answers. False: ERROR_USAGE. */
bool client_configuration_add_proxy(struct client_configuration *configuration,
                                    const char *proxy, struct error *error);

/* A folder of keys on the clients. False: ERROR_USAGE. */
bool client_configuration_set_keys(struct client_configuration *configuration,
                                   const char *folder, struct error *error);

/* The whole file. False: those of reading the keys. */
bool client_configuration_format(const char **text,
                                 const struct client_configuration *configuration,
                                 const struct repository *repository,
                                 struct error *error);

#endif
