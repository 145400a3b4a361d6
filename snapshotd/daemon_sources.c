/* SPDX-License-Identifier: Apache-2.0 */
/* What upstreams' events do to the schedule. They only hasten runs: each looks for the
 * newest revision itself, and verifies it. */
#include "snapshotd/daemon.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"

static bool is_url(const char *url)
{
    return strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
}

static void follow(struct daemon *daemon, const struct repository *repository,
                   const char *url)
{
    const struct settings *settings = repository->settings;

    if (!is_url(url)) {
        daemon_report_once(daemon, LOG_LEVEL_ERROR,
                           apr_psprintf(daemon->scan_pool,
                                        "repository=%s REPLICA_EVENT_SOURCES: %s is not "
                                        "the URL of a notification service",
                                        repository->local_name, url));
        return;
    }
    APR_ARRAY_PUSH(daemon->followed, struct followed_replica) = (struct followed_replica){
        .url = url,
        .proxy = settings_text(settings, SETTING_HTTP_PROXY),
        .ca_bundle = settings_text(settings, SETTING_CERT_BUNDLE),
        .local_name = repository->local_name,
        .fqrn = repository->fqrn,
        .storage = repository->storage};
}

void daemon_sources_see(struct daemon *daemon, const struct repository *repository)
{
    apr_array_header_t *urls = repository_event_sources(repository, daemon->scan_pool);

    for (int i = 0; i < urls->nelts; i++)
        follow(daemon, repository, APR_ARRAY_IDX(urls, i, const char *));
}

void daemon_sources_settle(struct daemon *daemon)
{
    struct error error;

    if (daemon->sources == NULL && daemon->followed->nelts > 0 &&
        !event_sources_start(&daemon->sources, daemon->confdir, daemon->done_fd,
                             &error)) {
        daemon_report_once(daemon, LOG_LEVEL_ERROR, error.message);
        return;
    }
    if (daemon->sources != NULL)
        event_sources_follow(daemon->sources, daemon->followed);
}

static void take(struct daemon *daemon, const struct event_hint *hint)
{
    struct schedule_entry *entry = schedule_find(daemon->schedule, hint->local_name);

    if (entry == NULL)
        return;
    log_write(LOG_LEVEL_DEBUG, "events repository=%s revision=%lld verified=%s",
              hint->local_name, (long long)hint->revision,
              hint->is_verified ? "yes" : "no");
    schedule_hasten(entry,
                    hint_plan_take(&entry->hints, hint->revision, hint->is_verified,
                                   entry->is_running, apr_time_now()));
}

void daemon_sources_take(struct daemon *daemon)
{
    apr_array_header_t *hints;
    apr_pool_t *pool;

    if (daemon->sources == NULL)
        return;
    apr_pool_create(&pool, daemon->pool);
    hints = event_sources_take(daemon->sources, pool);
    for (int i = 0; i < hints->nelts; i++)
        take(daemon, &APR_ARRAY_IDX(hints, i, struct event_hint));
    apr_pool_destroy(pool);
    if (event_sources_have_changed(daemon->sources))
        daemon_write_status(daemon, NULL, NULL);
}

void daemon_sources_ran(const struct job *job)
{
    schedule_hasten(job->entry,
                    hint_plan_ran(&job->entry->hints, job->outcome.snapshot.revision,
                                  job->started, apr_time_now()));
}

void daemon_sources_stop(struct daemon *daemon)
{
    if (daemon->sources != NULL)
        event_sources_stop(daemon->sources);
}
