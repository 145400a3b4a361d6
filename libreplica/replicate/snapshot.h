/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot: make our replica hold the origin's published revision, completely, then
 * switch. */
#ifndef REPLICA_REPLICATE_SNAPSHOT_H
#define REPLICA_REPLICATE_SNAPSHOT_H

#include <apr_tables.h>
#include "libreplica/net/fetch.h"
#include "libreplica/replicate/catalog_walk.h"
#include "libreplica/store/store.h"

#define SNAPSHOT_NO_OLDER (-1)

struct snapshot_options {
    const char *fqrn;
    /* Where it is replicated from (array of const char *, without trailing slashes), in
     * order of preference; at least one, at most FETCH_UPSTREAMS_MAX. */
    const apr_array_header_t *upstream_urls;
    const apr_array_header_t *master_keys; /* of struct key * */
    const char *reflog_checksum_file;      /* in the spool */
    const struct partial_rules *rules;     /* of a partial replica; NULL: a full one */
    struct fetcher_options fetch;
    int64_t max_object_bytes;
    int64_t max_catalog_bytes;
    int64_t min_free_bytes;
    int64_t min_free_inodes;
    bool passes_caches;   /* for the manifest: it is known that there is a newer one */
    int64_t accept_older; /* this revision may replace a newer one; SNAPSHOT_NO_OLDER */
    /* Both may be NULL; called on the caller's thread. */
    void (*say)(void *baton,
                const char *line); /* a line for people, as the reference prints */
    void (*progress)(void *baton, const struct catalog_walk_counters *counters);
    void *baton;
};

/* How one of the servers did. */
struct snapshot_upstream {
    const char *url;
    int64_t revision; /* that it offers, verified; -1 not known */
    bool is_source;   /* the manifest is its */
    bool is_used;     /* for objects; else it may not be or is not of this repository */
    bool is_healthy;
    int64_t requests, bytes;
    struct error problem; /* the last one; an empty message if there was none */
};

struct snapshot_result {
    int64_t revision;           /* served now; of the old manifest if the run failed */
    int64_t previous_revision;  /* served before; -1 if none */
    int64_t upstream_revision;  /* that the origin publishes, verified; -1 not known */
    int64_t upstream_published; /* when, seconds since 1970; 0 not known */
    bool has_changed;           /* the manifest was switched */
    int tags;                   /* named snapshots of the origin */
    struct catalog_walk_counters walk;
    struct fetch_counters fetch;
    apr_array_header_t *upstreams; /* of struct snapshot_upstream, as configured; NULL if
                                      the run did not get so far */
    int64_t
        recovered_removed; /* objects that a crash had cut and that were thrown away */
};

/* Run one snapshot into STORE. The caller holds the repository's update lock.
 * True: the store serves the origin's revision, verified and durable.
 * False: nothing newer is published; what was fetched stays and the next run goes on from
 * it. *result is filled either way. Besides the errors of the parts: ERROR_OUTDATED (the
 * origin went back), ERROR_REFUSED (the origin does not allow replication). Source:
 * cvmfs-format 6.4, 6.6, 6.7; design 6. */
bool snapshot_run(struct snapshot_result *result, struct store *store,
                  const struct snapshot_options *options, apr_pool_t *pool,
                  struct error *error);

#endif
