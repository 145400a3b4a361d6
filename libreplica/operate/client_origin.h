/* SPDX-License-Identifier: Apache-2.0 */
/* Where a client gets a repository from, by the files that configure clients. */
#ifndef REPLICA_OPERATE_CLIENT_ORIGIN_H
#define REPLICA_OPERATE_CLIENT_ORIGIN_H

#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"

struct client_origin {
    apr_array_header_t *urls; /* of const char *: the repository's, to be tried in turn */
    const char *public_key;   /* as CVMFS_PUBLIC_KEY */
    const char *proxy;        /* "": none */
};

/* Read, the later ones being stronger, <confdir>/default.conf, those of default.d that
 * end in .conf, default.local, domain.d/<domain>.conf and .local, config.d/<fqrn>.conf
 * and .local, and repositories.d/<fqrn>/client.conf, as far as they are there:
 * CVMFS_SERVER_URL, CVMFS_PUBLIC_KEY or CVMFS_KEYS_DIR (neither: <confdir>/keys),
 * CVMFS_HTTP_PROXY.
 *   url, public_key   stronger than they are; NULL: not given
 * False: ERROR_NOT_FOUND (nothing says where it is), those of reading files. */
bool client_origin_read(struct client_origin *origin, const char *fqrn,
                        const char *confdir, const char *url, const char *public_key,
                        apr_pool_t *pool, struct error *error);

#endif
