/* SPDX-License-Identifier: Apache-2.0 */
/* Collect the garbage of one configured repository. */
#include "libreplica/operate/replica_gc.h"

#include <string.h>

#include "libreplica/base/date.h"
#include "libreplica/base/date_phrase.h"
#include "libreplica/base/lock.h"
#include "libreplica/operate/gc_grace.h"
#include "libreplica/operate/journal.h"
#include "libreplica/operate/status.h"
#include "libreplica/operate/upstream.h"
#include "libreplica/store/file.h"
#include "libreplica/store/partial_replica.h"

/* Times in the reflog are of whole seconds. */
#define PROMPT_MARGIN 2

static void say(const struct replica_gc_options *options, const char *line)
{
    if (options->say != NULL)
        options->say(options->baton, line);
}

static const char *deletion_log(const struct repository *repository,
                                const struct replica_gc_options *options)
{
    return options->deletion_log != NULL
               ? options->deletion_log
               : settings_text(repository->settings, SETTING_GC_DELETION_LOG);
}

static bool read_manifest(struct manifest **manifest, struct store *store,
                          apr_pool_t *pool, struct error *error)
{
    struct text text;

    return store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, error) &&
           manifest_parse(manifest, text, pool, error);
}

/* last_gc, and what went wrong last; NULL leaves it as it is or removes it. */
static bool note(struct store *store, apr_time_t when, const struct error *problem,
                 apr_pool_t *pool, struct error *error)
{
    char date[DATE_UTC_SIZE];
    struct status_change changes[] = {
        {"last_gc_error", problem != NULL ? text_for_people(text_of(problem->message),
                                                            ERROR_MESSAGE_SIZE, pool)
                                          : NULL},
        {"last_gc", date},
    };

    date_format_utc(date, when);
    return status_update(store, changes, problem != NULL ? 1 : 2, pool, error);
}

static bool finish_earlier(bool *finished, const struct repository *repository,
                           struct store *store, const struct replica_gc_options *options,
                           apr_pool_t *pool, struct error *error)
{
    struct gc_sweep_options sweep = {
        .reflog_checksum_file = repository_reflog_checksum_file(repository, pool),
        .deletion_log = deletion_log(repository, options),
        .stop = options->stop,
        .say = options->say,
        .baton = options->baton,
    };

    return gc_recover(finished, store, repository->fqrn, &sweep, pool, error);
}

bool replica_gc_recover(const struct repository *repository, struct store *store,
                        const struct replica_gc_options *options, apr_pool_t *pool,
                        struct error *error)
{
    bool finished;

    return finish_earlier(&finished, repository, store, options, pool, error);
}

/* Those that the tree was made under: others that are configured are the next snapshot's
 * business. But nothing is deleted while nobody can tell what they say. */
static bool read_rules(struct partial_rules **rules, const struct repository *repository,
                       struct store *store, apr_pool_t *pool, struct error *error)
{
    return (partial_replica_configured(rules, repository, pool, error) &&
            partial_replica_recorded(rules, store, pool, error)) ||
           error_prefix(error, "nothing is deleted");
}

/* Readers of a replica have all the time for which it keeps revisions. */
static bool keep_grace(struct gc_keep *keep, const struct repository *repository,
                       struct store *store, apr_pool_t *pool, struct error *error)
{
    struct manifest *manifest;

    if (repository->kind != REPOSITORY_STRATUM0)
        return true;
    if (!read_manifest(&manifest, store, pool, error))
        return error_prefix(error, "our manifest");
    gc_keep_grace(keep, repository->settings, manifest, apr_time_now());
    return true;
}

static bool run(struct gc_result *result, const struct repository *repository,
                struct store *store, const struct replica_gc_options *options,
                apr_pool_t *pool, struct error *error)
{
    struct gc_options gc = {
        .fqrn = repository->fqrn,
        .reflog_checksum_file = repository_reflog_checksum_file(repository, pool),
        .keep = options->keep,
        .dry_run = options->dry_run,
        .lists = options->lists,
        .deletion_log = deletion_log(repository, options),
        .max_catalog_bytes =
            settings_number(repository->settings, SETTING_MAX_CATALOG_BYTES),
        .stop = options->stop,
        .say = options->say,
        .baton = options->baton,
    };
    struct partial_rules *rules;
    bool finished;

    if (!read_rules(&rules, repository, store, pool, error) ||
        !keep_grace(&gc.keep, repository, store, pool, error))
        return false;
    gc.rules = rules;
    if (!store_clean_temporary(store, error))
        return false;
    if (options->dry_run)
        return gc_run(result, store, &gc, pool, error);
    return finish_earlier(&finished, repository, store, options, pool, error) &&
           gc_run(result, store, &gc, pool, error) &&
           note(store, apr_time_now(), NULL, pool, error);
}

/* The run with the reference's lines for syslog. */
static bool run_told(struct gc_result *result, const struct repository *repository,
                     struct store *store, const struct replica_gc_options *options,
                     apr_pool_t *pool, struct error *error)
{
    bool ok;

    if (options->dry_run)
        return run(result, repository, store, options, pool, error);
    journal_write(repository->local_name, "started garbage collection");
    ok = run(result, repository, store, options, pool, error);
    if (!ok)
        note(store, 0, error, pool, NULL);
    journal_write(repository->local_name, ok ? "successfully finished garbage collection"
                                             : "failed to garbage collect");
    return ok;
}

static bool take_collect_lock(struct lock **lock, const struct repository *repository,
                              apr_pool_t *pool, struct error *error)
{
    if (lock_try(lock, repository_collect_lock(repository, pool), pool, error))
        return true;
    if (error->code == ERROR_BUSY)
        journal_write(repository->local_name, "did not gc (check or gc in progress)");
    return error_prefix(error, "Failed to acquire gc lock for %s",
                        repository->local_name);
}

static bool take_update_lock(struct lock **lock, const struct repository *repository,
                             const struct replica_gc_options *options, apr_pool_t *pool,
                             struct error *error)
{
    const char *path = repository_update_lock(repository, pool);

    if (lock_try(lock, path, pool, error))
        return true;
    if (error->code != ERROR_BUSY)
        return false;
    say(options, "waiting for another update to finish...");
    return lock_wait(lock, path, options->stop, pool, error);
}

/* Also a dry run: a snapshot beside it would pull catalogs away under it. */
static bool run_alone(struct gc_result *result, const struct repository *repository,
                      struct store *store, const struct replica_gc_options *options,
                      apr_pool_t *pool, struct error *error)
{
    struct lock *collecting, *updating;
    bool ok;

    if (!file_make_directory(repository->spool, 0755, pool, error) ||
        !take_collect_lock(&collecting, repository, pool, error))
        return false;
    ok = take_update_lock(&updating, repository, options, pool, error);
    if (ok) {
        say(options, "Running Garbage Collection");
        ok = run_told(result, repository, store, options, pool, error);
        lock_release(updating);
    }
    lock_release(collecting);
    return ok;
}

/* *skipped: there is nothing that could be collected. */
static bool check(bool *skipped, const struct repository *repository, struct store *store,
                  const struct replica_gc_options *options, apr_pool_t *pool,
                  struct error *error)
{
    struct manifest *manifest;
    struct store_status status;
    bool found;

    if (!store_stat_file(store, MANIFEST_NAME, &status, &found, error))
        return false;
    *skipped = !found;
    if (*skipped) {
        say(options, "The repository is empty, nothing to do");
        return true;
    }
    if (!read_manifest(&manifest, store, pool, error))
        return error_prefix(error, "our manifest");
    if (!manifest->garbage_collectable)
        return error_set(error, ERROR_REFUSED, "Garbage Collection is not enabled for %s",
                         repository->local_name);
    return repository->kind == REPOSITORY_STRATUM0 ||
           upstream_is_there(repository, options->stop, pool, error) ||
           error_prefix(error, "Repository unavailable under %s",
                        repository_origin_url(repository, pool));
}

bool replica_gc(struct replica_gc_outcome *outcome, const struct repository *repository,
                const struct replica_gc_options *options, apr_pool_t *pool,
                struct error *error)
{
    struct store *store;

    memset(outcome, 0, sizeof(*outcome));
    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH)) {
        say(options, "The repository is a pass-through repository, nothing to do");
        outcome->was_skipped = true;
        return true;
    }
    if (!repository_open_store(&store, repository, pool, error) ||
        !check(&outcome->was_skipped, repository, store, options, pool, error))
        return false;
    return outcome->was_skipped ||
           run_alone(&outcome->gc, repository, store, options, pool, error);
}

bool replica_gc_is_allowed(const struct repository *repository, apr_pool_t *pool)
{
    struct manifest *manifest;
    struct store *store;

    return repository_open_store(&store, repository, pool, NULL) &&
           read_manifest(&manifest, store, pool, NULL) && manifest->garbage_collectable;
}

static bool last_gc_of(apr_time_t *when, struct store *store, apr_pool_t *pool)
{
    const char *date = status_read(store, "last_gc", pool);

    return date != NULL && date_parse_utc(when, text_of(date));
}

bool replica_gc_is_wanted(const struct repository *repository, const volatile int *stop,
                          apr_pool_t *pool)
{
    apr_time_t theirs, ours;
    struct store *store;
    bool known;

    if (repository->kind == REPOSITORY_STRATUM0)
        return true;
    upstream_last_gc(&theirs, &known, repository, stop, pool);
    if (!known)
        return false;
    return !repository_open_store(&store, repository, pool, NULL) ||
           !last_gc_of(&ours, store, pool) || ours <= theirs;
}

bool replica_gc_note(const struct repository *repository, apr_time_t when,
                     apr_pool_t *pool, struct error *error)
{
    struct store *store;

    return repository_open_store(&store, repository, pool, error) &&
           note(store, when, NULL, pool, error);
}

static bool parse_setting(apr_time_t *when, const struct repository *repository,
                          enum setting_id id, apr_time_t now, struct error *error)
{
    if (date_phrase_parse(when, text_of(settings_text(repository->settings, id)), now,
                          error))
        return true;
    error->code = ERROR_SETTING;
    return error_prefix(error, "%s: %s", repository->local_name, setting_table[id].key);
}

bool replica_gc_is_due(bool *due, struct gc_keep *keep,
                       const struct repository *repository, struct store *store,
                       apr_time_t now, apr_pool_t *pool, struct error *error)
{
    apr_time_t since, deadline, last;
    struct manifest *manifest;

    *due = false;
    if (!settings_boolean(repository->settings, SETTING_AUTO_GC))
        return true;
    if (!parse_setting(&since, repository, SETTING_AUTO_GC_TIMESPAN, now, error) ||
        !parse_setting(&deadline, repository, SETTING_AUTO_GC_LAPSE, now, error) ||
        !read_manifest(&manifest, store, pool, error))
        return false;
    *keep = (struct gc_keep){.by_time = true, .since_seconds = apr_time_sec(since)};
    *due = manifest->garbage_collectable &&
           (!last_gc_of(&last, store, pool) || last < deadline);
    return true;
}

bool replica_gc_next(apr_time_t *when, const struct repository *repository,
                     struct store *store, apr_time_t collected, apr_pool_t *pool,
                     struct error *error)
{
    struct gc_keep keep = {.revisions = 0};
    struct manifest *manifest;
    struct store_status status;
    apr_time_t now = apr_time_now();
    bool found;

    *when = 0;
    if (!settings_boolean(repository->settings, SETTING_PROMPT_GC))
        return true;
    if (!store_stat_file(store, MANIFEST_NAME, &status, &found, error))
        return false;
    if (!found)
        return true;
    if (!read_manifest(&manifest, store, pool, error))
        return false;
    if (!manifest->garbage_collectable)
        return true;
    gc_keep_grace(&keep, repository->settings, manifest, now);
    *when = status.changed + apr_time_from_sec(PROMPT_MARGIN);
    if (keep.in_use_since_seconds > 0)
        *when += apr_time_from_sec(apr_time_sec(now) - keep.in_use_since_seconds);
    if ((collected > 0 || last_gc_of(&collected, store, pool)) &&
        collected >= *when - apr_time_from_sec(1))
        *when = 0;
    return true;
}

bool replica_gc_locked(struct gc_result *result, const struct repository *repository,
                       struct store *store, const struct replica_gc_options *options,
                       apr_pool_t *pool, struct error *error)
{
    struct lock *collecting;
    bool ok;

    /* Not waiting, so that who holds it and waits for us is not waited for. */
    if (!take_collect_lock(&collecting, repository, pool, error))
        return false;
    ok = run_told(result, repository, store, options, pool, error);
    lock_release(collecting);
    return ok;
}
