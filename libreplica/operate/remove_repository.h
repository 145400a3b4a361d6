/* SPDX-License-Identifier: Apache-2.0 */
/* Take a repository away: storage, configuration, spool, keys. */
#ifndef REPLICA_OPERATE_REMOVE_REPOSITORY_H
#define REPLICA_OPERATE_REMOVE_REPOSITORY_H

#include "libreplica/store/repository.h"

struct remove_repository_options {
    bool keeps_data;      /* storage and keys stay */
    const char *keys_dir; /* where a Stratum 0's keys are */
    /* A finished step, a line for people; may be NULL. */
    void (*say)(void *baton, const char *line);
    void *baton;
};

/* Holding the repository's locks: first the manifest goes, so that nobody mounts half a
 * tree, then the storage, the configuration and the spool. A run that was cut can be
 * repeated. Symbolic links are removed, never followed. False: ERROR_BUSY (somebody is at
 * work on it), ERROR_USAGE (a folder that other repositories or the server share),
 * ERROR_PERMISSION, ERROR_IO. Source: stratum1-http-and-ops 3.1. */
bool remove_repository(const struct repository *repository, const char *confdir,
                       const struct settings *server,
                       const struct remove_repository_options *options, apr_pool_t *pool,
                       struct error *error);

#endif
