/* SPDX-License-Identifier: Apache-2.0 */
/* Check a repository's tree as it lies on disk and, on request, repair it. */
#include "libreplica/operate/check_internal.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/clock.h"
#include "libreplica/operate/origin_options.h"
#include "libreplica/operate/replica_gc.h"
#include "libreplica/store/file.h"
#include "libreplica/store/partial_replica.h"

#define REFERENCED_MEMORY (16 * 1024 * 1024)

/* Two checks of one repository exclude each other by the lock, so the folder can have a
 * fixed name, and what a killed one left is found. */
#define SCRATCH_FOLDER "check"

static bool wait_for(struct lock **lock, struct check *check, const char *path,
                     const char *whom, struct error *error)
{
    if (lock_try(lock, path, check->pool, error))
        return true;
    if (error->code != ERROR_BUSY)
        return false;
    check_say(check, "waiting for %s to finish...", whom);
    return lock_wait(lock, path, check->options->stop, check->pool, error);
}

/* In this order everywhere. */
static bool take_locks(struct check *check, struct error *error)
{
    const struct repository *repository = check->repository;

    if (!file_make_directory(repository->spool, 0755, check->pool, error) ||
        !wait_for(&check->collect_lock, check,
                  repository_collect_lock(repository, check->pool),
                  "a garbage collection or another check", error))
        return false;
    return (!check->options->repairs && !check->options->repairs_reflog) ||
           wait_for(&check->update_lock, check,
                    repository_update_lock(repository, check->pool), "an update", error);
}

/* What an interrupted collection still has to remove must not be brought back meanwhile,
 * and must not go from below a catalog that was. */
static bool finish_collection(struct check *check, struct error *error)
{
    struct replica_gc_options options = {
        .stop = check->options->stop,
        .say = check->options->say,
        .baton = check->options->baton,
    };

    return replica_gc_recover(check->repository, check->store, &options, check->pool,
                              error);
}

/* Upstreams that hang must not keep us from asking the last one. */
static void set_deadline(struct check *check, int upstreams, int timeout_seconds)
{
    int64_t hanging_seconds = upstreams > 1 ? (upstreams - 1) * timeout_seconds : 0;

    if (check->hold_seconds > 0)
        check->deadline =
            clock_now() + apr_time_from_sec(check->hold_seconds + hanging_seconds);
}

static bool prepare_repairs(struct check *check, struct error *error)
{
    struct fetcher_options options =
        origin_options(check->repository->settings, check->options->stop);
    apr_array_header_t *urls = repository_upstream_urls(check->repository, check->pool);

    if (check->update_lock != NULL && !finish_collection(check, error))
        return false;
    set_deadline(check, urls->nelts, options.timeout_seconds);
    options.deadline = check->deadline;
    if (!check->options->repairs)
        return true;
    if (urls->nelts == 0)
        return error_set(error, ERROR_SETTING,
                         "%s: neither CVMFS_STRATUM0 nor REPLICA_UPSTREAMS is set: there "
                         "is nothing to repair from",
                         check->repository->local_name);
    return upstreams_create(&check->upstreams, urls, &options, check->pool, error) &&
           dirty_marker_open(&check->marker, check->store, error);
}

/* As garbage collection does. */
static bool read_rules(struct check *check, struct error *error)
{
    return partial_replica_configured(&check->rules, check->repository, check->pool,
                                      error) &&
           partial_replica_recorded(&check->rules, check->store, check->pool, error);
}

static bool prepare(struct check *check, struct error *error)
{
    const struct repository *repository = check->repository;
    apr_pool_t *pool = check->pool;

    if (!repository_open_store(&check->store, repository, pool, error) ||
        !read_rules(check, error))
        return false;
    check->scratch = apr_pstrcat(pool, repository->temporary, "/" SCRATCH_FOLDER, NULL);
    check->waiting = apr_array_make(pool, 0, sizeof(struct check_waiting));
    return file_remove_tree(check->scratch, error) &&
           file_make_directory(check->scratch, 0700, pool, error) &&
           check_ledger_create(&check->ledger,
                               apr_pstrcat(pool, check->scratch, "/ledger", NULL), pool,
                               error) &&
           sorted_records_create(&check->referenced, sizeof(struct check_record),
                                 REFERENCED_MEMORY, check->scratch, pool, error) &&
           prepare_repairs(check, error);
}

static bool note_violation(void *baton, const char *path, const char *sentence,
                           struct error *error)
{
    struct check *check = baton;

    check_find(check, CHECK_CATALOG, "%s: %s", *path == '\0' ? "/" : path, sentence);
    return !check_stopped(check, error);
}

/* Once more for damaged catalogs that only turned up among the objects. */
static bool check_strays(struct check *check, struct error *error)
{
    if (!check->has_strays)
        return true;
    sorted_records_clear(check->referenced);
    return check_catalogs(check, error) && check_objects(check, false, error);
}

static bool run(struct check *check, struct error *error)
{
    const struct check_options *options = check->options;

    return check_head(check, error) && check_reflog(check, error) &&
           check_add_roots(check, error) && check_catalogs(check, error) &&
           check_ledger_judge(check->ledger, note_violation, check, check->pool, error) &&
           (options->skips_objects ||
            (check_objects(check, options->reads_objects, error) &&
             check_strays(check, error))) &&
           check_waiting_store(check, error);
}

/* What a crash left in doubt is for the next snapshot to settle: it keeps its marker. */
static bool end_repairs(struct check *check, struct error *error)
{
    return check->marker.is_stale ? store_barrier(check->store, error)
                                  : dirty_marker_close(&check->marker, error);
}

static bool run_prepared(struct check *check,
                         bool (*steps)(struct check *check, struct error *error),
                         struct error *error)
{
    struct error problem;
    bool ok = prepare(check, error) && steps(check, error);

    if (check->marker.store != NULL && !end_repairs(check, &problem) && ok) {
        *error = problem;
        ok = false;
    }
    return ok;
}

bool check_run_locked(struct check *check,
                      bool (*steps)(struct check *check, struct error *error),
                      struct error *error)
{
    bool ok = run_prepared(check, steps, error);

    file_remove_tree(check->scratch != NULL ? check->scratch : "", NULL);
    return ok;
}

static bool may_check(const struct repository *repository,
                      const struct check_options *options, struct error *error)
{
    if (repository->kind != REPOSITORY_STRATUM0)
        return repository_require_content(repository, "check", error);
    if (!options->repairs)
        return true;
    return error_set(error, ERROR_USAGE,
                     "%s is a stratum 0: there is no server that it could be repaired "
                     "from. Publish again what is missing or damaged; -r repairs the "
                     "reflog",
                     repository->local_name);
}

bool check_repository(struct check_result *result, const struct repository *repository,
                      const struct check_options *options, apr_pool_t *pool,
                      struct error *error)
{
    struct check check = {.options = options, .result = result, .repository = repository};
    bool ok;

    memset(result, 0, sizeof(*result));
    if (!may_check(repository, options, error))
        return false;
    apr_pool_create(&check.pool, pool);
    ok = take_locks(&check, error) && check_run_locked(&check, run, error);
    apr_pool_destroy(check.pool);
    return ok;
}
