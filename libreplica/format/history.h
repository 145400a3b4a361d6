/* SPDX-License-Identifier: Apache-2.0 */
/* The tag database, object H: named snapshots. Source: cvmfs-format 5.1. */
#ifndef REPLICA_FORMAT_HISTORY_H
#define REPLICA_FORMAT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/format/hash.h"

struct tag {
    const char *name;
    struct hash catalog;
    int64_t catalog_size; /* bytes inflated; 0 unknown */
    int64_t revision;
    int64_t timestamp_seconds;
    const char *branch; /* "" is the default one */
    const char *description;
};

struct branch {
    const char *name;   /* "" is the default one */
    const char *parent; /* NULL: of the default one */
    int64_t initial_revision;
};

/* Read the inflated database at PATH: its repository's name, the previous database (null
 * if none) and the tags ordered by timestamp, then revision, descending (array of struct
 * tag). Hardened like a catalog. False: ERROR_BAD_FORMAT, ERROR_UNSUPPORTED, ERROR_IO. */
bool history_read(const char **fqrn, struct hash *previous, apr_array_header_t **tags,
                  const char *path, apr_pool_t *pool, struct error *error);

/* Call VISIT for every way in which branches and tags contradict each other.
 * Source: cvmfs-format 5.1, 6.10. */
typedef bool history_visit_violation(void *baton, const char *sentence,
                                     struct error *error);
bool history_judge(const char *path, history_visit_violation *visit, void *baton,
                   apr_pool_t *pool, struct error *error);

/* Read the branches of the database at PATH (array of struct branch), the default one
 * first. */
bool history_read_branches(apr_array_header_t **branches, const char *path,
                           apr_pool_t *pool, struct error *error);

#endif
