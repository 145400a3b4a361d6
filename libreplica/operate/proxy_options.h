/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator says about a Squid that is to be configured. */
#ifndef REPLICA_OPERATE_PROXY_OPTIONS_H
#define REPLICA_OPERATE_PROXY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"

enum proxy_kind {
    PROXY_ACCELERATOR, /* in front of a replica server's httpd */
    PROXY_SITE         /* between a site's clients and all servers */
};

enum proxy_helper { PROXY_POLICY, PROXY_STORE_ID, PROXY_REWRITE, PROXY_HELPER_COUNT };

struct proxy_peer {
    const char *host;
    int port;
};

/* A file of rules. */
struct proxy_rule_file {
    const char *path;
    bool is_named; /* by an option: it has to be there */
    bool is_off;   /* by an option: do without */
};

struct proxy_options {
    enum proxy_kind kind;
    apr_array_header_t *ports;    /* of const char *: "80", "192.0.2.1:80" */
    apr_array_header_t *networks; /* of const char *: "10.0.0.0/8"; the clients' */
    apr_array_header_t *peers;    /* of struct proxy_peer */
    int64_t memory_megabytes;
    const char *disk; /* folder; NULL: objects are kept in memory only */
    int64_t disk_megabytes;
    int64_t workers;
    const char *name;    /* of this Squid; NULL: the host's */
    const char *helpers; /* folder of the helpers' programs */
    struct proxy_rule_file rules[PROXY_HELPER_COUNT];
    const char *root;          /* before the names of rule files when they are read */
    const char *words;         /* the options again, as a command line has them */
    int64_t machine_megabytes; /* its memory */
    apr_pool_t *pool;
};

/* No option is given yet.
 *   helpers   the folder that they are installed in */
void proxy_options_init(struct proxy_options *options, enum proxy_kind kind,
                        const char *helpers, apr_pool_t *pool);

/* One option: "network", "port", "peer", "memory", "disk", "workers", "name",
 * "helpers", "policy", "store-id", "rewrite", "root". False: ERROR_USAGE. */
bool proxy_options_set(struct proxy_options *options, const char *name, const char *value,
                       struct error *error);

/* After the last option: what was not said gets its default. False: ERROR_USAGE (options
 * that do not go together). */
bool proxy_options_complete(struct proxy_options *options, struct error *error);

/* Whether objects are worth keeping. In front of an httpd on the same machine they are
 * not: its page cache has them. */
bool proxy_options_keep_objects(const struct proxy_options *options);

#endif
