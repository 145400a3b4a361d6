/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing whole catalog trees into the store.
 *
 * Catalogs and objects are fetched side by side; a catalog gets its name in the store the
 * moment everything it refers to has its own, so that a catalog that is there vouches for
 * its whole subtree. Nothing recurses and what is remembered is what is under way, not
 * what was done. Source: cvmfs-format 4.11, 6.4, 6.6, 6.7. */
#ifndef REPLICA_REPLICATE_CATALOG_WALK_H
#define REPLICA_REPLICATE_CATALOG_WALK_H

#include "libreplica/format/partial_rules.h"
#include "libreplica/net/fetch.h"
#include "libreplica/store/dirty_marker.h"
#include "libreplica/store/store.h"

struct catalog_walk;

struct catalog_walk_counters {
    int64_t catalogs_fetched;
    int64_t catalogs_stored;  /* got their name: their subtree is complete */
    int64_t catalogs_pending; /* known, not complete */
    int64_t
        catalogs_excluded; /* by the rules, counted at each catalog that refers to one */
    int64_t objects_seen;  /* references in the catalogs read */
    int64_t objects_known; /* of these, those that a predecessor has */
    int64_t store_lookups; /* objects and catalogs looked for in the store */
    int64_t objects_fetched; /* data objects; catalogs are not among them */
    int64_t bytes_fetched;   /* of objects and catalogs as stored */
    int64_t roots_skipped;   /* optional roots that the origin no longer has */
    int64_t failures;
};

struct catalog_walk_options {
    struct store *store;
    const struct dirty_marker *marker; /* catalogs it covers are not trusted */
    struct fetcher *fetcher;           /* with its upstreams */
    /* A root catalog in the store that vouches for its tree: what it refers to is there
     * without looking. Null: none, always so while the marker is stale. */
    struct hash predecessor;
    const struct partial_rules *rules; /* nested catalogs to leave out; NULL: none */
    bool trusts_nothing;               /* no catalog in the store vouches for its tree */
    int64_t max_object_bytes;
    int64_t max_catalog_bytes; /* inflated */
    int64_t min_free_bytes;
    int64_t min_free_inodes;
    /* Called now and then from catalog_walk_run; may be NULL. */
    void (*progress)(void *baton, const struct catalog_walk_counters *counters);
    void *baton;
};

/* POOL owns the walk; clearing it drops what is not complete. */
struct catalog_walk *catalog_walk_create(const struct catalog_walk_options *options,
                                         apr_pool_t *pool);

/* Ask for the tree of a root catalog.
 *   size       bytes inflated, 0 unknown
 *   optional   a definite "not there" of the upstreams for the root itself is no error */
bool catalog_walk_add_root(struct catalog_walk *walk, const struct hash *hash,
                           int64_t size, bool optional, struct error *error);

/* Fetch until all trees are complete. What fails for one object does not stop the others
 * until failures pile up; the first error is the one returned. What is complete by then
 * stays. False: those of the fetch engine and the store, ERROR_BAD_FORMAT for hostile
 * catalogs, ERROR_NO_SPACE below the reserve, ERROR_CANCELLED. */
bool catalog_walk_run(struct catalog_walk *walk, struct error *error);

const struct catalog_walk_counters *
catalog_walk_counters(const struct catalog_walk *walk);

/* After a crash only (the marker is stale): this walk found or made the catalog complete.
 */
bool catalog_walk_has_stored(const struct catalog_walk *walk, const struct hash *hash);

/* The origin definitely no longer has this optional root. */
bool catalog_walk_was_skipped(const struct catalog_walk *walk, const struct hash *hash);

#endif
