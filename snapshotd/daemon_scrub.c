/* SPDX-License-Identifier: Apache-2.0 */
/* When the daemon scrubs what, and what it says about it. A round goes in short pieces,
 * so that reports and repairs of other replicas need not wait for its end. */
#include "snapshotd/daemon.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#include "snapshotd/state_command.h"

#define PIECE apr_time_from_sec(60)
/* Between two pieces of one round: whoever wants to scrub by hand gets the lock. */
#define GAP apr_time_from_sec(1)
/* A look at reports may take this part of the time, however many strangers report. */
#define LOOK_SHARE 20

static struct scrub_entry *find(const struct daemon *daemon, const char *local_name)
{
    for (int i = 0; i < daemon->scrubs->nelts; i++) {
        struct scrub_entry *entry =
            APR_ARRAY_IDX(daemon->scrubs, i, struct scrub_entry *);

        if (strcmp(entry->local_name, local_name) == 0)
            return entry;
    }
    return NULL;
}

static struct scrub_entry *add(struct daemon *daemon, const struct repository *repository)
{
    struct scrub_entry *entry = calloc(1, sizeof(*entry));
    struct scrub_state state;

    if (entry == NULL || (entry->local_name = strdup(repository->local_name)) == NULL)
        abort();
    scrub_state_read(&state, repository, daemon->scan_pool);
    entry->is_in_round = state.round_started != 0;
    entry->last_ended = state.last_ended;
    entry->open = state.open->nelts;
    entry->percent = scrub_state_percent(&state);
    APR_ARRAY_PUSH(daemon->scrubs, struct scrub_entry *) = entry;
    return entry;
}

void daemon_scrub_see(struct daemon *daemon, const struct repository *repository,
                      apr_time_t last_snapshot)
{
    struct scrub_entry *entry = find(daemon, repository->local_name);

    if (entry == NULL)
        entry = add(daemon, repository);
    entry->is_served = last_snapshot != 0;
    entry->is_seen = true;
}

void daemon_scrub_forget_unseen(struct daemon *daemon)
{
    int kept = 0;

    for (int i = 0; i < daemon->scrubs->nelts; i++) {
        struct scrub_entry *entry =
            APR_ARRAY_IDX(daemon->scrubs, i, struct scrub_entry *);

        if (entry->is_seen || entry == daemon->scrubbed) {
            entry->is_seen = false;
            APR_ARRAY_IDX(daemon->scrubs, kept, struct scrub_entry *) = entry;
            kept++;
        } else {
            free((char *)entry->local_name);
            free(entry);
        }
    }
    daemon->scrubs->nelts = kept;
}

static apr_time_t repair_interval(const struct daemon *daemon)
{
    return apr_time_from_sec(settings_number(daemon->server, SETTING_REPAIR_INTERVAL));
}

/* The job's own copy: the next ones may come meanwhile. */
static void give_reports(struct scrub_job *job, struct scrub_entry *entry)
{
    job->options.reported = apr_pmemdup(job->pool, entry->reported,
                                        sizeof(struct object) * entry->reported_count);
    job->options.reported_count = entry->reported_count;
    entry->reported_count = 0;
}

static bool start(struct daemon *daemon, struct scrub_entry *entry, enum scrub_work work,
                  apr_pool_t *pool, struct error *error)
{
    struct scrub_job *job = apr_pcalloc(pool, sizeof(*job));
    struct settings *server = settings_copy(daemon->server, pool);

    job->pool = pool;
    if (!repository_read(&job->repository, daemon->confdir, entry->local_name, server,
                         pool, error))
        return false;
    job->pace = daemon->scrub_pace;
    job->pace.bytes_per_second = settings_number(server, SETTING_SCRUB_RATE);
    job->options.reads = work == SCRUB_READS;
    job->options.tries = work == SCRUB_TRIES;
    job->started = apr_time_now();
    job->options.until = job->started + PIECE;
    if (work == SCRUB_REPORTS)
        give_reports(job, entry);
    job->done_fd = daemon->done_fd;
    if (!scrub_job_start(job, error))
        return false;
    daemon->scrub = job;
    daemon->scrubbed = entry;
    return true;
}

static void start_planned(struct daemon *daemon, struct scrub_entry *entry,
                          enum scrub_work work)
{
    struct error error;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    if (start(daemon, entry, work, pool, &error)) {
        daemon_write_status(daemon, NULL, NULL);
        return;
    }
    daemon_report_once(daemon, LOG_LEVEL_ERROR,
                       apr_psprintf(pool, "scrub repository=%s not started: %s",
                                    entry->local_name, error.message));
    entry->next_read = entry->next_try = entry->next_look =
        apr_time_now() + repair_interval(daemon);
    apr_pool_destroy(pool);
}

static bool is_later(apr_time_t now, apr_time_t next, apr_time_t most)
{
    /* Also if the clock was set back. */
    return now >= next || now < next - most;
}

void daemon_scrub_start_due(struct daemon *daemon)
{
    apr_time_t now = apr_time_now();
    apr_time_t interval =
        apr_time_from_sec(settings_number(daemon->server, SETTING_SCRUB_INTERVAL));
    bool reads = settings_number(daemon->server, SETTING_SCRUB_RATE) > 0;
    struct scrub_entry *entry;
    enum scrub_work work;

    if (is_later(now, daemon->missing_next, repair_interval(daemon))) {
        daemon->missing_next = now + repair_interval(daemon);
        daemon_take_missing(daemon);
    }
    if (daemon->scrub != NULL || !is_later(now, daemon->scrub_next, GAP))
        return;
    work = scrub_plan_next(&entry, daemon->scrubs, reads, interval, now);
    if (work != SCRUB_NOTHING)
        start_planned(daemon, entry, work);
}

apr_time_t daemon_scrub_wake(const struct daemon *daemon, apr_time_t wake)
{
    if (daemon->missing_next < wake)
        wake = daemon->missing_next;
    if (daemon->scrub == NULL && daemon->scrub_next > apr_time_now() &&
        daemon->scrub_next < wake)
        wake = daemon->scrub_next;
    return wake;
}

void daemon_scrub_stop(struct daemon *daemon)
{
    if (daemon->scrub != NULL)
        __atomic_store_n(&daemon->scrub->stop, 1, __ATOMIC_RELAXED);
}

static void report_round(const struct daemon *daemon, const struct scrub_job *job)
{
    const struct scrub_counters *round = &job->result.round;

    log_write(job->result.open > 0 ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
              "scrub repository=%s result=ok objects=%lld bytes=%lld corrupt=%lld "
              "missing=%lld repaired=%lld open=%lld",
              daemon->scrubbed->local_name, (long long)round->objects,
              (long long)round->bytes, (long long)round->corrupt,
              (long long)round->missing, (long long)round->repaired,
              (long long)job->result.open);
}

/* A replica whose scrub fails does not keep the others from theirs. */
static void report(struct daemon *daemon, const struct scrub_job *job)
{
    struct scrub_entry *entry = daemon->scrubbed;

    if (job->result.round_ended)
        report_round(daemon, job);
    if (job->ok || job->error.code == ERROR_CANCELLED)
        return;
    entry->next_read = job->ended + repair_interval(daemon);
    if (job->error.code != ERROR_BUSY)
        daemon_report_once(daemon, LOG_LEVEL_ERROR,
                           apr_psprintf(job->pool, "scrub repository=%s result=%s: %s",
                                        entry->local_name,
                                        error_code_name(job->error.code),
                                        job->error.message));
}

static void tell_state(const struct daemon *daemon, const struct scrub_entry *entry,
                       int64_t open)
{
    const char *command = settings_text(daemon->server, SETTING_STATE_COMMAND);

    if (entry->open == 0 && open > 0)
        state_command_tell(command, entry->local_name, "damaged",
                           "objects are damaged or missing that no upstream gave");
    else if (entry->open > 0 && open == 0)
        state_command_tell(command, entry->local_name, "whole", "");
}

/* What is known now; a job that could not begin knows nothing. */
static void take_result(struct daemon *daemon, const struct scrub_job *job)
{
    struct scrub_entry *entry = daemon->scrubbed;
    struct scrub_state state;

    scrub_state_read(&state, job->repository, job->pool);
    tell_state(daemon, entry, state.open->nelts);
    entry->is_in_round = state.round_started != 0;
    entry->last_ended = state.last_ended;
    entry->percent = scrub_state_percent(&state);
    if (job->options.tries || entry->open == 0)
        entry->next_try = job->ended + repair_interval(daemon);
    entry->open = state.open->nelts;
    if (job->options.reported_count > 0) {
        entry->next_look = job->ended + (job->ended - job->started) * LOOK_SHARE;
        log_write(
            LOG_LEVEL_INFO, "scrub repository=%s reported=%d missing=%lld repaired=%lld",
            entry->local_name, job->options.reported_count,
            (long long)job->result.done.missing, (long long)job->result.done.repaired);
    }
}

void daemon_scrub_collect(struct daemon *daemon)
{
    struct scrub_job *job = daemon->scrub;
    bool goes_on;

    if (job == NULL || !__atomic_load_n(&job->is_done, __ATOMIC_ACQUIRE))
        return;
    scrub_job_join(job);
    report(daemon, job);
    take_result(daemon, job);
    goes_on = daemon->scrubbed->is_in_round;
    daemon->scrub_pace = job->pace;
    daemon->scrub = NULL;
    daemon->scrubbed = NULL;
    daemon->scrub_next = apr_time_now() + (goes_on ? GAP : 0);
    daemon_write_status(daemon, NULL, NULL);
    apr_pool_destroy(job->pool);
}
