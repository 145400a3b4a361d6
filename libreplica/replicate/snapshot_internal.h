/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of a snapshot share; nobody else includes this. */
#ifndef REPLICA_REPLICATE_SNAPSHOT_INTERNAL_H
#define REPLICA_REPLICATE_SNAPSHOT_INTERNAL_H

#include "libreplica/replicate/ensemble.h"
#include "libreplica/replicate/snapshot.h"
#include "libreplica/store/dirty_marker.h"

struct snapshot {
    const struct snapshot_options *options;
    struct snapshot_result *result;
    struct store *store;
    struct fetcher *fetcher;
    const char *source_url; /* that the manifest comes from */
    apr_pool_t *pool;
    struct dirty_marker marker;
    bool marker_is_open;
    bool has_other_rules;    /* than those that the tree was made under */
    struct manifest *served; /* our manifest before this run; NULL if there is none */
    struct text served_text;
    struct ensemble ensemble;  /* the origin's */
    struct text metainfo_text; /* the object's bytes as received */
    apr_array_header_t *tags;  /* of struct tag */
    struct catalog_walk *walk;
};

void snapshot_say(const struct snapshot *snapshot, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* snapshot_upstreams.c: the newest verified manifest of all upstreams becomes the
 * ensemble; the fetcher gets the upstreams in the order in which they are to be asked. */
bool snapshot_choose_upstream(struct snapshot *snapshot, struct error *error);
/* *ERROR says that the chosen revision is older than ours: an upstream that could not be
 * asked is the better reason. Returns false. */
bool snapshot_explain_outdated(const struct snapshot *snapshot, struct error *error);
/* How the upstreams did, for the result and for people. */
void snapshot_count_upstreams(struct snapshot *snapshot);
void snapshot_say_upstreams(const struct snapshot *snapshot);

/* snapshot_tags.c: a whole object of the store as a new file at PATH. */
bool snapshot_inflate_object(const char *path, struct snapshot *snapshot,
                             const struct object *object, struct error *error);
/* Fetch the tag database, if there is one, and read it. */
bool snapshot_fetch_tags(struct snapshot *snapshot, struct error *error);

/* doubtful_catalogs.c: after the walk, remove the catalogs that a stale marker covers, or
 * that other rules put in doubt, that were not walked, and that are not complete. */
bool snapshot_clear_doubts(struct snapshot *snapshot, struct error *error);

/* snapshot_finish.c: everything the new manifest reaches is in the store: certificate,
 * metainfo, alternative paths, reflog, whitelist, barrier, closure of the head, manifest.
 */
bool snapshot_finish(struct snapshot *snapshot, struct error *error);
/* The head's own objects are there and intact. */
bool snapshot_head_is_intact(struct snapshot *snapshot, bool *intact,
                             struct error *error);
/* Replace our whitelist if the bytes differ. */
bool snapshot_refresh_whitelist(struct snapshot *snapshot, struct error *error);

/* snapshot_reflog.c: enter this revision's root-level objects; also mends a lost reflog.
 */
bool snapshot_update_reflog(struct snapshot *snapshot, struct error *error);

#endif
