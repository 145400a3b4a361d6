/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a snapshot, in order. */
#include "libreplica/replicate/snapshot_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/base/log.h"
#include "libreplica/format/history.h"
#include "libreplica/store/partial_replica.h"

void snapshot_say(const struct snapshot *snapshot, const char *format, ...)
{
    va_list arguments;
    char line[512];

    if (snapshot->options->say == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    snapshot->options->say(snapshot->options->baton, line);
}

/* Our own manifest. One that cannot be read is as good as none: it is about to be
 * replaced. */
static bool read_served(struct snapshot *snapshot, struct error *error)
{
    struct error problem;

    snapshot->result->previous_revision = -1;
    snapshot->result->revision = -1;
    snapshot->result->upstream_revision = -1;
    if (!store_read(&snapshot->served_text, snapshot->store, MANIFEST_NAME,
                    MANIFEST_SIZE_MAX, snapshot->pool, error))
        return error->code == ERROR_NOT_FOUND;
    if (!manifest_parse(&snapshot->served, snapshot->served_text, snapshot->pool,
                        &problem)) {
        log_write(LOG_LEVEL_WARNING, "repository=%s our manifest is damaged: %s",
                  snapshot->options->fqrn, problem.message);
        snapshot->served = NULL;
        return true;
    }
    snapshot->result->previous_revision = snapshot->served->revision;
    snapshot->result->revision = snapshot->served->revision;
    return true;
}

/* What a crash left: leftovers go, and objects that may be cut prove themselves. */
static bool recover(struct snapshot *snapshot, struct error *error)
{
    struct store_status status;
    int64_t checked = 0;
    bool stale;

    if (!store_clean_temporary(snapshot->store, error) ||
        !store_stat_file(snapshot->store, DIRTY_MARKER_NAME, &status, &stale, error))
        return false;
    if (!stale)
        return true;
    if (!dirty_marker_open(&snapshot->marker, snapshot->store, error))
        return false;
    snapshot->marker_is_open = true;
    snapshot_say(snapshot, "An earlier run was cut off, checking what it stored");
    if (!dirty_marker_recover(&snapshot->marker, &checked,
                              &snapshot->result->recovered_removed,
                              snapshot->options->fetch.stop, error))
        return false;
    snapshot_say(snapshot, "Checked %lld objects, removed %lld", (long long)checked,
                 (long long)snapshot->result->recovered_removed);
    return true;
}

/* Neither the revision nor, within one, the time of signing may go back. */
static bool check_order(struct snapshot *snapshot, struct error *error)
{
    const struct manifest *ours = snapshot->served, *theirs = snapshot->ensemble.manifest;

    if (ours == NULL)
        return true;
    if (theirs->revision > ours->revision ||
        (theirs->revision == ours->revision &&
         theirs->published_seconds >= ours->published_seconds))
        return true;
    if (theirs->revision == snapshot->options->accept_older) {
        snapshot_say(snapshot, "Accepting older revision %lld instead of %lld, as told",
                     (long long)theirs->revision, (long long)ours->revision);
        log_write(LOG_LEVEL_WARNING,
                  "repository=%s accepted older revision=%lld served=%lld by operator",
                  snapshot->options->fqrn, (long long)theirs->revision,
                  (long long)ours->revision);
        return true;
    }
    return error_set(
        error, ERROR_OUTDATED,
        "%s offers revision %lld (signed at %lld), older than revision %lld "
        "(signed at %lld) that is served here; --accept-older %lld takes it once",
        snapshot->source_url, (long long)theirs->revision,
        (long long)theirs->published_seconds, (long long)ours->revision,
        (long long)ours->published_seconds, (long long)theirs->revision);
}

static bool fetch_ensemble(struct snapshot *snapshot, struct error *error)
{
    if (!snapshot_choose_upstream(snapshot, error))
        return false;
    snapshot->result->upstream_revision = snapshot->ensemble.manifest->revision;
    snapshot->result->upstream_published = snapshot->ensemble.manifest->published_seconds;
    return check_order(snapshot, error) || snapshot_explain_outdated(snapshot, error);
}

/* Nothing to do: the same manifest, its head whole, and no doubt from a crash or from
 * other rules. */
static bool is_up_to_date(struct snapshot *snapshot, bool *up_to_date,
                          struct error *error)
{
    struct text theirs = snapshot->ensemble.manifest_text;

    *up_to_date = false;
    if (snapshot->served == NULL || snapshot->marker_is_open ||
        snapshot->has_other_rules || theirs.length != snapshot->served_text.length ||
        memcmp(theirs.bytes, snapshot->served_text.bytes, theirs.length) != 0)
        return true;
    return snapshot_head_is_intact(snapshot, up_to_date, error);
}

/* A new whitelist serves our present clients too, if it lists the certificate they check.
 * Do not keep it from them until all objects are here. */
static bool refresh_whitelist_early(struct snapshot *snapshot, struct error *error)
{
    if (snapshot->served == NULL ||
        !hash_equals(&snapshot->served->certificate,
                     &snapshot->ensemble.manifest->certificate))
        return true;
    return snapshot_refresh_whitelist(snapshot, error);
}

/* The root catalog of what we serve, unless its tree is in doubt. */
static struct hash trusted_predecessor(const struct snapshot *snapshot)
{
    static const struct hash none;

    return snapshot->served != NULL && !snapshot->marker.is_stale &&
                   !snapshot->has_other_rules
               ? snapshot->served->catalog
               : none;
}

static bool walk_trees(struct snapshot *snapshot, struct error *error)
{
    const struct snapshot_options *options = snapshot->options;
    const struct manifest *manifest = snapshot->ensemble.manifest;
    struct catalog_walk_options walk_options = {
        .store = snapshot->store,
        .marker = &snapshot->marker,
        .fetcher = snapshot->fetcher,
        .predecessor = trusted_predecessor(snapshot),
        .rules = options->rules,
        .trusts_nothing = snapshot->has_other_rules,
        .max_object_bytes = options->max_object_bytes,
        .max_catalog_bytes = options->max_catalog_bytes,
        .min_free_bytes = options->min_free_bytes,
        .min_free_inodes = options->min_free_inodes,
        .progress = options->progress,
        .baton = options->baton,
    };
    bool ok;

    snapshot->walk = catalog_walk_create(&walk_options, snapshot->pool);
    ok = true;
    for (int i = snapshot->tags->nelts - 1; ok && i >= 0; i--) {
        const struct tag *tag = &APR_ARRAY_IDX(snapshot->tags, i, struct tag);

        ok = catalog_walk_add_root(snapshot->walk, &tag->catalog, tag->catalog_size,
                                   manifest->garbage_collectable, error);
    }
    /* Last in, first out: the head is what clients wait for. */
    ok = ok && catalog_walk_add_root(snapshot->walk, &manifest->catalog,
                                     manifest->catalog_size, false, error);
    ok = ok && catalog_walk_run(snapshot->walk, error);
    snapshot->result->walk = *catalog_walk_counters(snapshot->walk);
    return ok;
}

/* A run that is cut, or that fails, leaves catalogs of both kinds behind. */
static bool begin_other_rules(struct snapshot *snapshot, struct error *error)
{
    if (!snapshot->has_other_rules)
        return true;
    snapshot_say(snapshot, "Other rules of what to replicate: looking at everything");
    return partial_replica_begin(snapshot->store, error);
}

/* Catalogs of older revisions are removed only now: what is served until the switch may
 * be among them. None may come back after a power cut that the marker does not survive.
 */
static bool end_other_rules(struct snapshot *snapshot, struct error *error)
{
    return snapshot_clear_doubts(snapshot, error) &&
           store_barrier(snapshot->store, error) &&
           partial_replica_end(snapshot->store, error);
}

static bool replicate(struct snapshot *snapshot, struct error *error)
{
    if (!snapshot->marker_is_open) {
        if (!dirty_marker_open(&snapshot->marker, snapshot->store, error))
            return false;
        snapshot->marker_is_open = true;
    }
    if (!begin_other_rules(snapshot, error) ||
        !refresh_whitelist_early(snapshot, error) ||
        !snapshot_fetch_tags(snapshot, error) || !walk_trees(snapshot, error))
        return false;
    if (snapshot->has_other_rules)
        return snapshot_finish(snapshot, error) && end_other_rules(snapshot, error);
    return snapshot_clear_doubts(snapshot, error) && snapshot_finish(snapshot, error);
}

static bool compare_rules(struct snapshot *snapshot, struct error *error)
{
    bool settled;

    if (!partial_replica_is_settled(&settled, snapshot->store, snapshot->options->rules,
                                    snapshot->pool, error))
        return false;
    snapshot->has_other_rules = !settled;
    return true;
}

static bool run(struct snapshot *snapshot, struct error *error)
{
    bool up_to_date;

    if (!read_served(snapshot, error) || !compare_rules(snapshot, error) ||
        !recover(snapshot, error) || !fetch_ensemble(snapshot, error) ||
        !is_up_to_date(snapshot, &up_to_date, error))
        return false;
    if (up_to_date) {
        snapshot_say(snapshot, "Catalog up to date");
        return snapshot_refresh_whitelist(snapshot, error);
    }
    return replicate(snapshot, error);
}

/* A run that failed leaves whole objects too: sync them, and the next one trusts them.
 * Not after a crash: what a catalog of the run that was cut refers to may be missing
 * until a run has walked it to its end. */
static bool close_marker(struct snapshot *snapshot, bool ok, struct error *error)
{
    if (!snapshot->marker_is_open || (!ok && snapshot->marker.is_stale))
        return true;
    return dirty_marker_close(&snapshot->marker, error);
}

bool snapshot_run(struct snapshot_result *result, struct store *store,
                  const struct snapshot_options *options, apr_pool_t *pool,
                  struct error *error)
{
    struct snapshot *snapshot = apr_pcalloc(pool, sizeof(*snapshot));
    struct error problem;
    bool ok;

    memset(result, 0, sizeof(*result));
    snapshot->options = options;
    snapshot->result = result;
    snapshot->store = store;
    snapshot->pool = pool;
    snapshot->source_url = APR_ARRAY_IDX(options->upstream_urls, 0, const char *);
    snapshot_say(snapshot, "CernVM-FS: replicating from %s", snapshot->source_url);
    if (!fetcher_create(&snapshot->fetcher, &options->fetch, pool, error))
        return false;
    snapshot_say(snapshot, "Starting %d workers", options->fetch.connections);
    ok = run(snapshot, error);
    result->fetch = fetcher_counters(snapshot->fetcher);
    snapshot_count_upstreams(snapshot);
    if (!close_marker(snapshot, ok, &problem) && ok) {
        *error = problem;
        ok = false;
    }
    snapshot_say_upstreams(snapshot);
    if (ok) {
        snapshot_say(snapshot,
                     "Sent %lld requests, at most %d at once, looked for %lld objects "
                     "in the storage",
                     (long long)result->fetch.requests, result->fetch.most_at_once,
                     (long long)result->walk.store_lookups);
        if (result->walk.catalogs_excluded > 0)
            snapshot_say(snapshot, "Left out %lld nested catalogs, as the rules say",
                         (long long)result->walk.catalogs_excluded);
        /* What logs and tests of the reference look for comes last. */
        snapshot_say(snapshot, "Serving revision %lld", (long long)result->revision);
        snapshot_say(snapshot, "Fetched %lld new chunks out of %lld processed chunks",
                     (long long)result->walk.objects_fetched,
                     (long long)result->walk.objects_seen);
    }
    return ok;
}
