/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to say about one repository: read from disk, and asked of its origin. */
#ifndef REPLICA_OPERATE_REPOSITORY_INFO_H
#define REPLICA_OPERATE_REPOSITORY_INFO_H

#include <apr_time.h>
#include "libreplica/format/manifest.h"
#include "libreplica/store/repository.h"

struct repository_info {
    const struct manifest *manifest; /* NULL: nothing is published */
    apr_time_t whitelist_expires;    /* 0: there is no whitelist that can be read */
    bool is_replicable;              /* the marker for other servers is there */
    bool is_snapshotting;
    const char *last_snapshot; /* dates and texts of the status file; NULL if not there */
    const char *last_gc;
    const char *last_error;
    int64_t free_bytes; /* of the storage's file system */
    int64_t free_inodes;
};

/* Read the storage; signatures are not checked. POOL owns *info's strings.
 * False: the tree cannot be opened, or its manifest is damaged. */
bool repository_info_read(struct repository_info *info,
                          const struct repository *repository, apr_pool_t *pool,
                          struct error *error);

/* The revision that the origin publishes now; one try. */
bool repository_info_ask_origin(int64_t *revision, const struct repository *repository,
                                const volatile int *stop, apr_pool_t *pool,
                                struct error *error);

#endif
