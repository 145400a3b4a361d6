/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's loop. */
#include "snapshotd/daemon.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <apr_strings.h>
#include <systemd/sd-daemon.h>

#include "libreplica/base/lock.h"
#include "libreplica/base/log.h"
#include "libreplica/operate/snapshot_slot.h"
#include "libreplica/store/file.h"
#include "snapshotd/state_command.h"

#define PAUSE_MAX    apr_time_from_sec(10)
#define REPAIR_PAUSE apr_time_from_sec(2)

static bool open_signals(int *fd, struct error *error)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* Nobody waits for the commands that are run: they leave no zombies. */
    signal(SIGCHLD, SIG_IGN);
    *fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd >= 0 || error_set_errno(error, errno, "cannot receive signals");
}

static bool read_settings(struct daemon *daemon, struct error *error)
{
    struct settings *server;
    apr_pool_t *pool;

    apr_pool_create(&pool, daemon->pool);
    if (!server_settings_read(&server, daemon->confdir, false, pool, error)) {
        apr_pool_destroy(pool);
        return false;
    }
    if (daemon->server_pool != NULL)
        apr_pool_destroy(daemon->server_pool);
    daemon->server_pool = pool;
    daemon->server = server;
    return true;
}

/* One daemon for a spool and user. */
static bool take_daemon_lock(struct daemon *daemon, struct error *error)
{
    const char *spool = settings_text(daemon->server, SETTING_SERVER_SPOOL_DIR);
    struct lock *lock;

    if (!file_make_directory(spool, 0755, daemon->pool, error))
        return false;
    return lock_try(&lock, apr_pstrcat(daemon->pool, spool, "/snapshotd.lock", NULL),
                    daemon->pool, error) ||
           (error->code == ERROR_BUSY && error_prefix(error, "snapshotd runs already"));
}

bool daemon_init(struct daemon *daemon, apr_pool_t *pool, struct error *error)
{
    daemon->pool = pool;
    daemon->schedule = schedule_create(pool);
    daemon->scrubs = apr_array_make(pool, 16, sizeof(struct scrub_entry *));
    apr_pool_create(&daemon->reported_pool, pool);
    daemon_forget_reports(daemon);
    daemon->random_state = (uint64_t)apr_time_now() * 2 + 1;
    apr_pool_create(&daemon->scan_pool, pool);
    if (!read_settings(daemon, error) || !take_daemon_lock(daemon, error) ||
        !open_signals(&daemon->signal_fd, error))
        return false;
    daemon->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (daemon->done_fd < 0)
        return error_set_errno(error, errno, "cannot make an event descriptor");
    daemon_clean_up(daemon);
    daemon_make_missing_folder(daemon);
    daemon_announce(daemon);
    daemon_sign_begin(daemon);
    return true;
}

static void reload(struct daemon *daemon)
{
    struct error error;

    sd_notify(0, "RELOADING=1");
    if (read_settings(daemon, &error)) {
        log_write(LOG_LEVEL_INFO, "reloaded confdir=%s", daemon->confdir);
        daemon_announce(daemon);
    } else {
        log_write(LOG_LEVEL_ERROR, "not reloaded, the old settings stay: %s",
                  error.message);
    }
    /* What is still wrong is worth saying again. */
    daemon_forget_reports(daemon);
    daemon->next_scan = 0;
    daemon->geo_next = 0;
    daemon->missing_next = 0;
    daemon_sign_hurry(daemon);
    daemon_scrub_stop(daemon); /* the next piece has the new settings */
    sd_notify(0, "READY=1");
}

static void take_signals(struct daemon *daemon)
{
    struct signalfd_siginfo signal;

    while (read(daemon->signal_fd, &signal, sizeof(signal)) == sizeof(signal)) {
        if (signal.ssi_signo == SIGHUP) {
            reload(daemon);
        } else {
            log_write(LOG_LEVEL_INFO, "stopping jobs=%d", daemon->job_count);
            sd_notify(0, "STOPPING=1");
            __atomic_store_n(&daemon->stop, 1, __ATOMIC_RELAXED);
            daemon_scrub_stop(daemon);
        }
    }
}

uint64_t daemon_random(struct daemon *daemon)
{
    daemon->random_state =
        daemon->random_state * 6364136223846793005u + 1442695040888963407u;
    return daemon->random_state >> 33;
}

static void log_job(const struct job *job)
{
    const struct snapshot_result *result = &job->outcome.snapshot;

    if (!job->ok && job->error.code != ERROR_BUSY && job->error.code != ERROR_CANCELLED)
        log_write(LOG_LEVEL_ERROR, "snapshot repository=%s result=%s seconds=%lld: %s",
                  job->entry->local_name, error_code_name(job->error.code),
                  (long long)apr_time_sec(job->ended - job->started), job->error.message);
    else
        log_write(
            LOG_LEVEL_INFO,
            "snapshot repository=%s result=%s revision=%lld changed=%s catalogs=%lld "
            "objects=%lld bytes=%lld retries=%lld seconds=%lld",
            job->entry->local_name, job->ok ? "ok" : error_code_name(job->error.code),
            (long long)result->revision, result->has_changed ? "yes" : "no",
            (long long)result->walk.catalogs_fetched,
            (long long)result->walk.objects_fetched, (long long)result->fetch.bytes,
            (long long)result->fetch.retries,
            (long long)apr_time_sec(job->ended - job->started));
}

/* A run that found repairs under way need not wait for its whole turn: these take
 * seconds.
 */
static apr_time_t pause_after(const struct daemon *daemon, const struct job *job)
{
    apr_time_t interval = daemon_interval(job->repository);
    bool is_in_the_way =
        !job->ok && job->error.code == ERROR_BUSY && daemon->scrubbed != NULL &&
        strcmp(daemon->scrubbed->local_name, job->entry->local_name) == 0;

    return is_in_the_way && interval > REPAIR_PAUSE ? REPAIR_PAUSE : interval;
}

static void end_job(struct daemon *daemon, struct job *job)
{
    job_join(job);
    log_job(job);
    state_command_run(settings_text(daemon->server, SETTING_STATE_COMMAND), job);
    schedule_ran(job->entry, job->ok, pause_after(daemon, job), daemon_random(daemon),
                 apr_time_now());
    daemon_sources_ran(job);
    daemon_write_status(daemon, job, NULL);
    apr_pool_destroy(job->pool); /* gives the slot back */
    daemon->job_count--;
}

static void collect_jobs(struct daemon *daemon)
{
    struct job **link = &daemon->jobs;
    uint64_t count;

    if (read(daemon->done_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        log_write(LOG_LEVEL_ERROR, "cannot read the event descriptor");
    while (*link != NULL) {
        struct job *job = *link;

        if (__atomic_load_n(&job->is_done, __ATOMIC_ACQUIRE)) {
            *link = job->next;
            end_job(daemon, job);
        } else {
            link = &job->next;
        }
    }
}

static const char *log_file(struct daemon *daemon, apr_pool_t *pool)
{
    return apr_pstrcat(pool, settings_text(daemon->server, SETTING_LOG_DIR),
                       "/snapshots.log", NULL);
}

/* The bound that is shared with `snapshot -a`. A place for its locks that we may not
 * write to, made by another user, must not stop replication: our own bound stays. */
static bool take_slot(struct daemon *daemon, struct job *job, struct error *error)
{
    if (snapshot_slot_take(&job->slot, daemon->server, job->pool, error))
        return true;
    if (error->code == ERROR_BUSY)
        return false;
    daemon_report_once(daemon, LOG_LEVEL_WARNING, error->message);
    return true;
}

/* False: not now; *error says why. */
static bool start_job(struct daemon *daemon, struct schedule_entry *entry,
                      struct error *error)
{
    apr_pool_t *pool;
    struct job *job;

    apr_pool_create(&pool, NULL);
    job = apr_pcalloc(pool, sizeof(*job));
    job->pool = pool;
    job->entry = entry;
    job->log_file = log_file(daemon, pool);
    job->stop = &daemon->stop;
    job->passes_caches = entry->hints.is_told;
    job->done_fd = daemon->done_fd;
    job->started = apr_time_now();
    if (!take_slot(daemon, job, error) ||
        !repository_read(&job->repository, daemon->confdir, entry->local_name,
                         daemon->server, pool, error) ||
        !job_start(job, error)) {
        apr_pool_destroy(pool);
        return false;
    }
    entry->is_running = true;
    job->next = daemon->jobs;
    daemon->jobs = job;
    daemon->job_count++;
    return true;
}

/* Start what is due; returns when to look again. */
static apr_time_t start_due(struct daemon *daemon)
{
    apr_time_t now = apr_time_now(), wake;
    struct schedule_entry *entry;
    struct error error;

    while ((entry =
                schedule_next(daemon->schedule,
                              settings_number(daemon->server, SETTING_UPSTREAM_SNAPSHOTS),
                              now, &wake)) != NULL) {
        if (daemon->job_count >= snapshot_slot_count(daemon->server))
            return wake;
        if (start_job(daemon, entry, &error))
            continue;
        if (error.code == ERROR_BUSY) /* somebody's `snapshot -a` has the slots */
            return now + apr_time_from_sec(1);
        log_write(LOG_LEVEL_ERROR, "snapshot repository=%s not started: %s",
                  entry->local_name, error.message);
        schedule_ran(entry, false, apr_time_from_sec(60), daemon_random(daemon), now);
    }
    return wake;
}

static void wait_until(struct daemon *daemon, apr_time_t wake)
{
    struct pollfd fds[] = {{daemon->signal_fd, POLLIN, 0}, {daemon->done_fd, POLLIN, 0}};
    apr_time_t pause = wake - apr_time_now();

    if (pause < 0)
        pause = 0;
    if (pause > PAUSE_MAX) /* the clock was set back */
        pause = PAUSE_MAX;
    poll(fds, 2, (int)apr_time_as_msec(pause) + 1);
}

static void scan(struct daemon *daemon)
{
    daemon_scan(daemon);
    daemon_open_door(daemon);
    daemon_write_status(daemon, NULL, NULL);
}

int daemon_run(struct daemon *daemon)
{
    scan(daemon);
    sd_notify(0, "READY=1");
    log_write(LOG_LEVEL_INFO, "started user=%s replicas=%d parallel=%d", daemon->user,
              daemon->schedule->entries->nelts, snapshot_slot_count(daemon->server));
    while (!daemon->stop || daemon->jobs != NULL || daemon->geo != NULL ||
           daemon->scrub != NULL) {
        apr_time_t wake = apr_time_now() + PAUSE_MAX;

        if (!daemon->stop) {
            if (daemon_scan_is_due(daemon))
                scan(daemon);
            wake = start_due(daemon);
            daemon_geo_start_due(daemon);
            daemon_scrub_start_due(daemon);
            daemon_sign_due(daemon);
            wake = daemon_sign_wake(daemon, daemon_scrub_wake(daemon, wake));
        }
        wait_until(daemon, wake);
        take_signals(daemon);
        collect_jobs(daemon);
        daemon_sources_take(daemon);
        daemon_geo_collect(daemon);
        daemon_scrub_collect(daemon);
    }
    daemon_close_door(daemon);
    daemon_sources_stop(daemon);
    daemon_sign_end(daemon);
    free(daemon->status);
    daemon->status = NULL;
    log_write(LOG_LEVEL_INFO, "stopped");
    return 0;
}
