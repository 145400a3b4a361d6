/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot one configured replica. */
#include "libreplica/operate/replica_snapshot.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/lock.h"
#include "libreplica/events/announce.h"
#include "libreplica/format/snapshot_history.h"
#include "libreplica/operate/journal.h"
#include "libreplica/operate/origin_options.h"
#include "libreplica/operate/status.h"
#include "libreplica/store/file.h"
#include "libreplica/store/master_keys.h"
#include "libreplica/store/partial_replica.h"

#define IS_SNAPSHOTTING_NAME ".cvmfs_is_snapshotting"
#define LAST_SNAPSHOT_NAME   ".cvmfs_last_snapshot"
/* Of CVMFS_NUM_WORKERS, and what takes its place. */
#define WORKERS_DEFAULT     16
#define CONNECTIONS_DEFAULT 64
/* A second in all. */
#define LOCK_TRIES 20
#define LOCK_PAUSE (APR_USEC_PER_SEC / 20)

/* One run, for those who write down how it went. */
struct run {
    const struct replica_snapshot_outcome *outcome;
    apr_time_t started;
};

static void say(const struct replica_snapshot_options *options, const char *line)
{
    if (options->say != NULL)
        options->say(options->baton, line);
}

/* Who only notes something in the status file, as a scrub does at its end, has the lock
 * for a moment: that is no other update. */
static bool try_lock(struct lock **lock, const char *path, apr_pool_t *pool,
                     struct error *error)
{
    for (int i = 1;; i++) {
        if (lock_try(lock, path, pool, error))
            return true;
        if (error->code != ERROR_BUSY || i == LOCK_TRIES)
            return false;
        apr_sleep(LOCK_PAUSE);
    }
}

static bool take_lock(struct lock **lock, bool initial,
                      const struct repository *repository,
                      const struct replica_snapshot_options *options, apr_pool_t *pool,
                      struct error *error)
{
    const char *path = repository_update_lock(repository, pool);

    if (!file_make_directory(repository->spool, 0755, pool, error))
        return false;
    if (try_lock(lock, path, pool, error))
        return true;
    if (error->code != ERROR_BUSY)
        return false;
    if (options->abort_on_conflict)
        return error_prefix(error, "another update is in progress... aborting");
    if (initial)
        return error_prefix(error, "an initial snapshot is in progress... aborting");
    say(options, "waiting for another update to finish...");
    return lock_wait(lock, path, options->stop, pool, error);
}

static bool write_date(struct store *store, const char *name, struct error *error)
{
    char date[DATE_UTC_SIZE], line[DATE_UTC_SIZE + 1];

    date_format_utc(date, apr_time_now());
    apr_snprintf(line, sizeof(line), "%s\n", date);
    return store_replace(store, name, text_of(line), error);
}

/* The reference writes its default of CVMFS_NUM_WORKERS into every replica.conf, so it is
 * nobody's wish; any other number is the administrator's. */
static int most_connections(const struct settings *settings)
{
    int64_t ours = settings_number(settings, SETTING_ORIGIN_CONNECTIONS);
    int64_t workers = settings_number(settings, SETTING_NUM_WORKERS);

    if (ours > 0)
        return (int)ours;
    return (int)(workers != WORKERS_DEFAULT ? workers : CONNECTIONS_DEFAULT);
}

static bool prepare(struct snapshot_options *snapshot,
                    const struct repository *repository,
                    const struct replica_snapshot_options *options, apr_pool_t *pool,
                    struct error *error)
{
    const struct settings *settings = repository->settings;
    struct partial_rules *rules;
    apr_array_header_t *keys;

    if (*repository_origin_url(repository, pool) == '\0')
        return error_set(
            error, ERROR_SETTING,
            "%s: CVMFS_STRATUM0 is not set: there is nothing to replicate from",
            repository->local_name);
    if (!master_keys_load(&keys, settings_text(settings, SETTING_PUBLIC_KEY), pool,
                          error) ||
        !partial_replica_configured(&rules, repository, pool, error))
        return false;
    snapshot->upstream_urls = repository_upstream_urls(repository, pool);
    if (snapshot->upstream_urls->nelts > FETCH_UPSTREAMS_MAX)
        return error_set(error, ERROR_SETTING,
                         "%s: REPLICA_UPSTREAMS names %d servers, at most %d are allowed",
                         repository->local_name, snapshot->upstream_urls->nelts - 1,
                         FETCH_UPSTREAMS_MAX - 1);
    snapshot->rules = rules;
    snapshot->fqrn = repository->fqrn;
    snapshot->master_keys = keys;
    snapshot->reflog_checksum_file = repository_reflog_checksum_file(repository, pool);
    snapshot->fetch = origin_options(settings, options->stop);
    snapshot->fetch.connections = most_connections(settings);
    snapshot->fetch.bandwidth = settings_number(settings, SETTING_ORIGIN_BANDWIDTH);
    snapshot->max_object_bytes = settings_number(settings, SETTING_MAX_OBJECT_BYTES);
    snapshot->max_catalog_bytes = settings_number(settings, SETTING_MAX_CATALOG_BYTES);
    snapshot->min_free_bytes = settings_number(settings, SETTING_MIN_FREE_BYTES);
    snapshot->min_free_inodes = settings_number(settings, SETTING_MIN_FREE_INODES);
    snapshot->passes_caches = options->passes_caches;
    snapshot->accept_older = options->accept_older;
    snapshot->say = options->say;
    snapshot->progress = options->progress;
    snapshot->baton = options->baton;
    return true;
}

/* What monitors and the status page show of a run. Runs without news are not worth a line
 * of history: they would push out those that are. */
static const char *new_history(struct store *store, const struct run *run,
                               const char *result, apr_pool_t *pool)
{
    const struct snapshot_result *snapshot = &run->outcome->snapshot;
    const char *history = status_read(store, "snapshot_history", pool);
    struct snapshot_record record = {.started = run->started,
                                     .ended = apr_time_now(),
                                     .revision = snapshot->revision,
                                     .objects = snapshot->walk.objects_fetched +
                                                snapshot->walk.catalogs_fetched,
                                     .bytes = snapshot->fetch.bytes,
                                     .result = result};

    if (snapshot_record_is_ok(&record) && !snapshot->has_changed)
        return history;
    return snapshot_history_add(text_of(history != NULL ? history : ""), &record, pool);
}

/* Values of the status file; what is not known removes the key. */
static const char *format_known(int64_t number, apr_pool_t *pool)
{
    return number > 0 ? apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)number)
                      : NULL;
}

static bool record_success(struct store *store, const struct run *run, apr_pool_t *pool,
                           struct error *error)
{
    const struct snapshot_result *snapshot = &run->outcome->snapshot;
    char date[DATE_UTC_SIZE];
    struct status_change changes[] = {
        {"last_snapshot", date},
        {"last_attempt", date},
        {"last_error", NULL},
        {"revision",
         apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)snapshot->revision)},
        {"upstream_revision", format_known(snapshot->upstream_revision, pool)},
        {"upstream_published", format_known(snapshot->upstream_published, pool)},
        {"snapshot_history", new_history(store, run, "ok", pool)},
    };

    date_format_utc(date, apr_time_now());
    return status_update(store, changes, sizeof(changes) / sizeof(*changes), pool,
                         error) &&
           write_date(store, LAST_SNAPSHOT_NAME, error);
}

/* Monitors take a status file without last_snapshot for a fresh replica that is fine: one
 * that never had a snapshot keeps having no status. What was known of the origin stays
 * if this run did not learn it. */
static void record_failure(struct store *store, const struct run *run,
                           const struct error *error, apr_pool_t *pool)
{
    const struct snapshot_result *snapshot = &run->outcome->snapshot;
    bool knows_origin = snapshot->upstream_revision > 0;
    char date[DATE_UTC_SIZE];
    struct status_change changes[] = {
        {"last_attempt", date},
        {"last_error",
         text_for_people(text_of(error->message), ERROR_MESSAGE_SIZE, pool)},
        {"snapshot_history", new_history(store, run, error_code_name(error->code), pool)},
        {"upstream_revision", format_known(snapshot->upstream_revision, pool)},
        {"upstream_published", format_known(snapshot->upstream_published, pool)},
    };
    size_t count = sizeof(changes) / sizeof(*changes);

    date_format_utc(date, apr_time_now());
    if (!run->outcome->was_initial)
        status_update(store, changes, knows_origin ? count : count - 2, pool, NULL);
}

static struct replica_gc_options
gc_options(const struct replica_snapshot_options *options)
{
    return (struct replica_gc_options){
        .stop = options->stop, .say = options->say, .baton = options->baton};
}

static bool recover_gc(struct store *store, const struct repository *repository,
                       const struct replica_snapshot_options *options, apr_pool_t *pool,
                       struct error *error)
{
    struct replica_gc_options gc = gc_options(options);

    return replica_gc_recover(repository, store, &gc, pool, error);
}

static bool collect_if_due(struct replica_snapshot_outcome *outcome, struct store *store,
                           const struct repository *repository,
                           const struct replica_snapshot_options *options,
                           apr_pool_t *pool, struct error *error)
{
    struct replica_gc_options gc = gc_options(options);
    bool due;

    if (!replica_gc_is_due(&due, &gc.keep, repository, store, apr_time_now(), pool,
                           error))
        return false;
    if (!due)
        return true;
    say(options, "Running automatic garbage collection");
    outcome->has_collected =
        replica_gc_locked(&outcome->gc, repository, store, &gc, pool, error);
    if (outcome->has_collected || error->code != ERROR_BUSY)
        return outcome->has_collected;
    say(options, error->message);
    return true;
}

static void collect(struct replica_snapshot_outcome *outcome, struct store *store,
                    const struct repository *repository,
                    const struct replica_snapshot_options *options, apr_pool_t *pool)
{
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    outcome->gc_failed =
        !collect_if_due(outcome, store, repository, options, own, &outcome->gc_error);
    if (outcome->gc_failed)
        error_prefix(&outcome->gc_error, "Garbage collection failed");
    apr_pool_destroy(own);
}

static bool run_locked(struct replica_snapshot_outcome *outcome, struct store *store,
                       const struct repository *repository,
                       const struct replica_snapshot_options *options, apr_pool_t *pool,
                       struct error *error)
{
    struct snapshot_options snapshot = {0};
    const struct run run = {outcome, apr_time_now()};
    const char *origin_url = repository_origin_url(repository, pool);
    bool ok;

    if (!prepare(&snapshot, repository, options, pool, error)) {
        record_failure(store, &run, error, pool);
        return false;
    }
    journal_write(repository->local_name, "started snapshotting from %s", origin_url);
    if (outcome->was_initial)
        say(options, "Initial snapshot");
    ok = recover_gc(store, repository, options, pool, error) &&
         write_date(store, IS_SNAPSHOTTING_NAME, error) &&
         snapshot_run(&outcome->snapshot, store, &snapshot, pool, error) &&
         record_success(store, &run, pool, error);
    if (ok && outcome->snapshot.has_changed)
        announce_head_or_warn(settings_text(repository->settings, SETTING_EVENT_LOG),
                              store, "snapshot", pool);
    if (ok)
        collect(outcome, store, repository, options, pool);
    else
        record_failure(store, &run, error, pool);
    store_remove_file(store, IS_SNAPSHOTTING_NAME, NULL);
    journal_write(repository->local_name, "%s from %s",
                  ok ? "successfully snapshotted" : "failed to snapshot", origin_url);
    return ok;
}

bool replica_snapshot(struct replica_snapshot_outcome *outcome,
                      const struct repository *repository,
                      const struct replica_snapshot_options *options, apr_pool_t *pool,
                      struct error *error)
{
    struct store_status status;
    struct store *store;
    struct lock *lock;
    bool ok, found;

    memset(outcome, 0, sizeof(*outcome));
    if (repository->kind != REPOSITORY_STRATUM1)
        return error_set(error, ERROR_USAGE, "%s is not a stratum 1 repository",
                         repository->local_name);
    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH)) {
        say(options, "Pass-through repository, skipping snapshot");
        outcome->was_skipped = true;
        return true;
    }
    if (!repository_open_store(&store, repository, pool, error) ||
        !store_stat_file(store, LAST_SNAPSHOT_NAME, &status, &found, error))
        return false;
    outcome->was_initial = !found;
    outcome->was_failing = status_read(store, "last_error", pool) != NULL;
    if (!take_lock(&lock, !found, repository, options, pool, error)) {
        if (error->code == ERROR_BUSY)
            journal_write(repository->local_name, "did not snapshot (%s in progress)",
                          found || options->abort_on_conflict ? "another update"
                                                              : "initial snapshot");
        return false;
    }
    ok = run_locked(outcome, store, repository, options, pool, error);
    lock_release(lock);
    return ok;
}

bool replica_clean_up(bool *was_cut, const struct repository *repository,
                      apr_pool_t *pool, struct error *error)
{
    struct store_status status;
    struct store *store;
    struct lock *lock;
    bool found, ok;

    *was_cut = false;
    if (repository->kind != REPOSITORY_STRATUM1 ||
        settings_boolean(repository->settings, SETTING_PASSTHROUGH))
        return true;
    if (!repository_open_store(&store, repository, pool, error) ||
        !store_stat_file(store, IS_SNAPSHOTTING_NAME, &status, &found, error))
        return false;
    if (!found)
        return true;
    if (!lock_try(&lock, repository_update_lock(repository, pool), pool, error))
        return error->code == ERROR_BUSY;
    *was_cut = true;
    ok = store_remove_file(store, IS_SNAPSHOTTING_NAME, error) &&
         store_clean_temporary(store, error);
    lock_release(lock);
    return ok;
}
