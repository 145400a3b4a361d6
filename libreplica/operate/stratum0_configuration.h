/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration files of a new repository that is published here. */
#ifndef REPLICA_OPERATE_STRATUM0_CONFIGURATION_H
#define REPLICA_OPERATE_STRATUM0_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/format/compress.h"
#include "libreplica/format/hash.h"

struct stratum0_configuration {
    const char *fqrn;
    const char *user;    /* owner of storage and spool */
    const char *url;     /* the repository's own */
    const char *storage; /* temporary files are in its data/txn */
    const char *spool;
    const char *keys; /* directory of <fqrn>.pub */
    enum hash_algorithm algorithm;
    enum compression compression;
    enum compressor_kind compressor;
    bool makes_automatic_tags;
    const char *automatic_tags_since; /* as "2 weeks ago", or NULL */
    bool is_garbage_collectable;
    int64_t ttl_seconds; /* of manifests; 0: the default */
    bool is_ephemeral;   /* large files for hours: large chunks, a short TTL */
};

/* Write <confdir>/repositories.d/<fqrn>/client.conf and server.conf, with the keys that
 * the reference's tools write, so that they can take over. False: ERROR_EXISTS (there is
 * a server.conf), ERROR_USAGE (a value that a shell would not read back unquoted).
 * Source: cvmfs-format 8.2, 8.4. */
bool stratum0_configuration_write(const struct stratum0_configuration *configuration,
                                  const char *confdir, apr_pool_t *pool,
                                  struct error *error);
/* Remove the two from FOLDER, and FOLDER unless it holds something else. */
void stratum0_configuration_undo(const char *folder);

#endif
