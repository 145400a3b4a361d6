/* SPDX-License-Identifier: Apache-2.0 */
/* Register a replica: look at the origin, then write configuration and folders. */
#ifndef REPLICA_OPERATE_ADD_REPLICA_H
#define REPLICA_OPERATE_ADD_REPLICA_H

#include "libreplica/base/settings.h"
#include "libreplica/operate/owner.h"

struct add_replica_options {
    const char *origin_url;   /* as given */
    const char *public_key;   /* absolute; files separated by colons, or a directory; NULL
                                 for pass-through */
    const char *local_name;   /* NULL: the name in the manifest */
    const char *stratum1_url; /* NULL: http://localhost/cvmfs/<local name> */
    const char *upstream;     /* the storage triple; NULL: below REPLICA_STORAGE_DIR */
    const char *group;        /* snapshot group; "" for none */
    bool collects_garbage;    /* CVMFS_AUTO_GC */
    bool is_passthrough;
    bool writes_no_web_configuration; /* of a pass-through replica */
    const volatile int *stop;         /* may be NULL */
    /* A finished step, a line for people; may be NULL. */
    void (*say)(void *baton, const char *line);
    void *baton;
};

/* What add_replica_check found out; POOL owns the strings. */
struct add_replica {
    const char *fqrn;
    const char *local_name;
    const char *origin_url; /* without slashes at its end */
};

/* The manifest is reachable and, but for pass-through, verifies with the key; the names
 * are valid; the origin allows replication; nothing of that name is configured. Nothing
 * is written. Source: stratum1-http-and-ops 3.2. */
bool add_replica_check(struct add_replica *replica,
                       const struct add_replica_options *options, const char *confdir,
                       const struct settings *server, apr_pool_t *pool,
                       struct error *error);

/* Write it all; what a failed run made is removed again. OWNER is the caller, or the
 * caller is root. False: ERROR_USAGE (values that cannot be written), ERROR_EXISTS,
 * ERROR_UNSUPPORTED (storage that is not local), ERROR_SETTING (a bad triple), ... */
bool add_replica_write(const struct add_replica *replica, const struct owner *owner,
                       const struct add_replica_options *options, const char *confdir,
                       const struct settings *server, apr_pool_t *pool,
                       struct error *error);

#endif
