/* SPDX-License-Identifier: Apache-2.0 */
/* When the daemon looks after the geo database, and what it says about it. */
#include "snapshotd/daemon.h"

#include <errno.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

/* Looking costs next to nothing; whether it is time is for the rules to say. */
#define CHECK_INTERVAL apr_time_from_sec(15 * 60)
/* Without a database every check would be a try, and vendors count downloads. */
#define RETRY_INTERVAL apr_time_from_sec(6 * 3600)
#define MACHINE_ID_MAX 256

/* What tells this host from others: copies of one image differ in name at least. */
static const char *host_identity(apr_pool_t *pool)
{
    struct text machine = {"", 0};
    char name[256] = "";

    file_read(&machine, "/etc/machine-id", MACHINE_ID_MAX, pool, NULL);
    gethostname(name, sizeof(name) - 1);
    return apr_pstrcat(pool, apr_pstrmemdup(pool, machine.bytes, machine.length), name,
                       NULL);
}

/* The key may be in a file that only root can read: then cron has to do it. */
static void check_secrets(struct daemon *daemon, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, daemon->confdir, "/server.local", NULL);

    if (access(path, R_OK) != 0 && errno == EACCES)
        daemon_report_once(daemon, LOG_LEVEL_WARNING,
                           apr_psprintf(pool,
                                        "%s cannot be read by %s: its settings do not "
                                        "count here, a key for the geo database neither",
                                        path, daemon->user));
}

static bool start(struct daemon *daemon, apr_pool_t *pool, struct error *error)
{
    struct geo_job *job = apr_pcalloc(pool, sizeof(*job));

    job->pool = pool;
    job->confdir = daemon->confdir;
    job->server = settings_copy(daemon->server, pool);
    job->identity = host_identity(pool);
    job->stop = &daemon->stop;
    job->done_fd = daemon->done_fd;
    job->started = apr_time_now();
    if (!geo_job_start(job, error))
        return false;
    daemon->geo = job;
    return true;
}

void daemon_geo_start_due(struct daemon *daemon)
{
    apr_time_t now = apr_time_now();
    struct error error;
    apr_pool_t *pool;

    /* Also if the clock was set back. */
    if (daemon->geo != NULL ||
        (now < daemon->geo_next && now >= daemon->geo_next - RETRY_INTERVAL))
        return;
    daemon->geo_next = now + CHECK_INTERVAL;
    apr_pool_create(&pool, NULL);
    check_secrets(daemon, pool);
    if (settings_boolean(daemon->server, SETTING_GEO_AUTO_UPDATE) &&
        update_geodb_is_configured(daemon->server, pool)) {
        if (start(daemon, pool, &error))
            return;
        log_write(LOG_LEVEL_ERROR, "geodb not looked at: %s", error.message);
    }
    apr_pool_destroy(pool);
}

static void report(struct daemon *daemon, const struct geo_job *job)
{
    static const char *const outcomes[] = {
        [GEO_UPDATE_LINKED] = "linked",
        [GEO_UPDATE_CURRENT] = "current",
        [GEO_UPDATE_INSTALLED] = "installed",
    };
    const char *text;

    if (job->ok && outcomes[job->result.outcome] != NULL)
        log_write(LOG_LEVEL_INFO, "geodb result=%s build_epoch=%lld seconds=%lld",
                  outcomes[job->result.outcome], (long long)job->build_epoch,
                  (long long)apr_time_sec(job->ended - job->started));
    if (job->ok || job->error.code == ERROR_CANCELLED)
        return;
    text = apr_psprintf(job->pool, "geodb result=%s: %s",
                        error_code_name(job->error.code), job->error.message);
    /* A try is news; that none is possible is news once. */
    if (job->result.was_tried)
        log_write(LOG_LEVEL_ERROR, "%s", text);
    else
        daemon_report_once(daemon, LOG_LEVEL_ERROR, text);
}

void daemon_geo_collect(struct daemon *daemon)
{
    struct geo_job *job = daemon->geo;

    if (job == NULL || !__atomic_load_n(&job->is_done, __ATOMIC_ACQUIRE))
        return;
    geo_job_join(job);
    report(daemon, job);
    /* 0: there was a reload meanwhile, and what was wrong may have been mended. */
    if (!job->ok && job->result.was_tried && daemon->geo_next != 0)
        daemon->geo_next = job->ended + RETRY_INTERVAL;
    daemon->geo = NULL;
    daemon_write_status(daemon, NULL, job);
    apr_pool_destroy(job->pool);
}
