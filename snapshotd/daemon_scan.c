/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the repositories: new ones, gone ones, broken ones, those of other users. */
#include "snapshotd/daemon.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/operate/replica_list.h"

#define SCAN_INTERVAL apr_time_from_sec(10)
/* Complaints are remembered so that each is made once; this many, then anew. */
#define REPORTED_MAX 1000

apr_time_t daemon_interval(const struct repository *repository)
{
    return apr_time_from_sec(
        settings_number(repository->settings, SETTING_SNAPSHOT_INTERVAL));
}

void daemon_report_once(struct daemon *daemon, enum log_level level, const char *text)
{
    if (apr_hash_get(daemon->reported, text, APR_HASH_KEY_STRING) != NULL)
        return;
    log_write(level, "%s", text);
    if (apr_hash_count(daemon->reported) == REPORTED_MAX)
        daemon_forget_reports(daemon);
    text = apr_pstrdup(daemon->reported_pool, text);
    apr_hash_set(daemon->reported, text, APR_HASH_KEY_STRING, text);
}

void daemon_forget_reports(struct daemon *daemon)
{
    apr_pool_clear(daemon->reported_pool);
    daemon->reported = apr_hash_make(daemon->reported_pool);
}

static bool is_ours(const struct daemon *daemon, const struct repository *repository)
{
    return repository_is_of(repository, daemon->user);
}

static struct schedule_entry *schedule(struct daemon *daemon,
                                       const struct replica_candidate *candidate,
                                       apr_pool_t *pool)
{
    const struct repository *repository = candidate->repository;
    struct schedule_replica replica = {
        .local_name = repository->local_name,
        .upstream = repository_origin_server(repository, pool),
        .priority = settings_number(repository->settings, SETTING_PRIORITY),
        .interval = daemon_interval(repository),
        .last_snapshot = candidate->last_snapshot,
    };

    return schedule_see(daemon->schedule, &replica, apr_time_now());
}

static void see(struct daemon *daemon, const struct replica_candidate *candidate)
{
    const struct repository *repository = candidate->repository;

    if (is_ours(daemon, repository) && repository->kind == REPOSITORY_STRATUM0) {
        daemon_sign_see(daemon, repository);
        return;
    }
    if (is_ours(daemon, repository)) {
        schedule(daemon, candidate, daemon->scan_pool);
        daemon_scrub_see(daemon, repository, candidate->last_snapshot);
        daemon_sources_see(daemon, repository);
        return;
    }
    APR_ARRAY_PUSH(daemon->foreign, const char *) = repository->local_name;
    daemon_report_once(
        daemon, LOG_LEVEL_WARNING,
        apr_psprintf(daemon->scan_pool,
                     "repository=%s belongs to %s: this daemon runs as %s and leaves "
                     "it alone",
                     repository->local_name, repository->user, daemon->user));
}

static void complain(struct daemon *daemon)
{
    for (int i = 0; i < daemon->problems->nelts; i++) {
        const struct replica_problem *problem =
            &APR_ARRAY_IDX(daemon->problems, i, struct replica_problem);

        daemon_report_once(daemon, LOG_LEVEL_ERROR,
                           apr_psprintf(daemon->scan_pool,
                                        "repository=%s out of service: %s",
                                        problem->local_name, problem->error.message));
    }
}

/* Also if the clock was set back: else nothing would be looked for until it caught up. */
bool daemon_scan_is_due(const struct daemon *daemon)
{
    apr_time_t now = apr_time_now();

    return now >= daemon->next_scan || now < daemon->next_scan - SCAN_INTERVAL;
}

void daemon_scan(struct daemon *daemon)
{
    struct replica_list_options options = {
        .groups = settings_text(daemon->server, SETTING_SNAPSHOT_GROUPS),
        .includes_stratum0 = true};
    apr_array_header_t *candidates;
    struct error error;

    daemon->next_scan = apr_time_now() + SCAN_INTERVAL;
    apr_pool_clear(daemon->scan_pool);
    daemon->foreign = apr_array_make(daemon->scan_pool, 0, sizeof(const char *));
    daemon->problems =
        apr_array_make(daemon->scan_pool, 0, sizeof(struct replica_problem));
    daemon->followed =
        apr_array_make(daemon->scan_pool, 0, sizeof(struct followed_replica));
    if (!replica_list(&candidates, &daemon->problems, daemon->confdir, daemon->server,
                      &options, daemon->scan_pool, &error)) {
        daemon_report_once(daemon, LOG_LEVEL_ERROR, error.message);
        return;
    }
    for (int i = 0; i < candidates->nelts; i++)
        see(daemon, &APR_ARRAY_IDX(candidates, i, struct replica_candidate));
    schedule_forget_unseen(daemon->schedule);
    daemon_scrub_forget_unseen(daemon);
    daemon_sign_forget_unseen(daemon);
    daemon_sources_settle(daemon);
    complain(daemon);
}

static void clean_up(struct daemon *daemon, const struct replica_candidate *candidate,
                     apr_pool_t *pool)
{
    const struct repository *repository = candidate->repository;
    struct error error;
    bool was_cut;

    if (!is_ours(daemon, repository))
        return;
    if (!replica_clean_up(&was_cut, repository, pool, &error))
        log_write(LOG_LEVEL_WARNING, "repository=%s not cleaned up: %s",
                  repository->local_name, error.message);
    if (was_cut)
        schedule(daemon, candidate, pool)->was_cut = true;
}

void daemon_clean_up(struct daemon *daemon)
{
    struct replica_list_options options = {
        .groups = settings_text(daemon->server, SETTING_SNAPSHOT_GROUPS)};
    apr_array_header_t *candidates, *problems;
    struct error error;
    apr_pool_t *pool;

    apr_pool_create(&pool, daemon->pool);
    if (replica_list(&candidates, &problems, daemon->confdir, daemon->server, &options,
                     pool, &error))
        for (int i = 0; i < candidates->nelts; i++)
            clean_up(daemon, &APR_ARRAY_IDX(candidates, i, struct replica_candidate),
                     pool);
    apr_pool_destroy(pool);
}
