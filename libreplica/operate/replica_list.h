/* SPDX-License-Identifier: Apache-2.0 */
/* Which replicas are to be snapshotted, in which order. */
#ifndef REPLICA_OPERATE_REPLICA_LIST_H
#define REPLICA_OPERATE_REPLICA_LIST_H

#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/store/repository.h"

struct replica_candidate {
    struct repository *repository;
    apr_time_t
        last_snapshot; /* change of .cvmfs_last_snapshot; 0 if there never was one */
};

/* A repository whose configuration is broken: only it is out of service. */
struct replica_problem {
    const char *local_name;
    struct error error;
};

struct replica_list_options {
    const char *group; /* CVMFS_SNAPSHOT_GROUP must equal it; NULL takes all groups */
    bool skip_initial; /* leave those out that never completed a snapshot */
    /* It must be among these, separated by blanks; "-" is no group. NULL or "" takes all.
     */
    const char *groups;
    bool includes_stratum0; /* repositories that are published here, too */
};

/* The active replicas, oldest snapshot first, then by name, as an array of struct
 * replica_candidate, and the broken ones, as one of struct replica_problem. Pass-through
 * replicas are left out. False: the configuration directory cannot be read. Source:
 * cvmfs-format 6.2. */
bool replica_list(apr_array_header_t **candidates, apr_array_header_t **problems,
                  const char *confdir, const struct settings *server,
                  const struct replica_list_options *options, apr_pool_t *pool,
                  struct error *error);

#endif
