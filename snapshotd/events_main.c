/* SPDX-License-Identifier: Apache-2.0 */
/* snapshotd --events: setting up, the loop, signals. */
#include "snapshotd/events_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <apr_strings.h>
#include <systemd/sd-daemon.h>

#include "libreplica/base/log.h"
#include "libreplica/events/event_watch.h"
#include "libreplica/format/activity.h"
#include "libreplica/store/repository.h"

#define REQUEST_SECONDS 10
#define HEADERS_MAX     8192
#define ALIVE_SECONDS   15
/* Descriptors for everything but subscribers: those that only ask, files, sockets. */
#define SPARE_DESCRIPTORS 256

static void on_log(evutil_socket_t fd, short what, void *data)
{
    struct events_server *server = data;

    if (event_watch_take(fd, server->log))
        events_read_log(server);
}

static void on_task(evutil_socket_t fd, short what, void *data)
{
    struct events_server *server = data;

    worker_collect(server->worker);
}

/* The log is also looked at without any news: so a lost wake-up costs seconds at most. */
static void on_alive(evutil_socket_t fd, short what, void *data)
{
    struct events_server *server = data;

    events_read_log(server);
    events_keep_alive(server);
}

static bool read_settings(struct events_server *server, struct error *error)
{
    struct settings *settings;
    apr_pool_t *pool;

    apr_pool_create(&pool, server->pool);
    if (!server_settings_read(&settings, server->confdir, false, pool, error)) {
        apr_pool_destroy(pool);
        return false;
    }
    settings_discard_secrets(settings);
    if (server->settings_pool != NULL)
        apr_pool_destroy(server->settings_pool);
    server->settings_pool = pool;
    server->settings = settings;
    return true;
}

/* Nobody is disconnected for it. The log and the socket stay what they were. */
static void on_reload(evutil_socket_t fd, short what, void *data)
{
    struct events_server *server = data;
    struct error error;

    sd_notify(0, "RELOADING=1");
    if (read_settings(server, &error))
        log_write(LOG_LEVEL_INFO, "reloaded confdir=%s subscribers=%d", server->confdir,
                  server->subscribers);
    else
        log_write(LOG_LEVEL_ERROR, "not reloaded, the old settings stay: %s",
                  error.message);
    server->repositories_read = 0;
    events_distrust(server);
    sd_notify(0, "READY=1");
}

/* At once: whatever libevent did to connections on the way out, it might end them
 * properly, and clients would not come back. */
static void on_end(evutil_socket_t fd, short what, void *data)
{
    struct events_server *server = data;

    log_write(LOG_LEVEL_INFO, "stopped subscribers=%d", server->subscribers);
    sd_notify(0, "STOPPING=1");
    fflush(NULL);
    _exit(0);
}

static bool add_event(struct events_server *server, int fd, short what,
                      event_callback_fn callback, const struct timeval *interval,
                      struct error *error)
{
    struct event *event =
        event_new(server->base, fd, what | EV_PERSIST, callback, server);

    return (event != NULL && event_add(event, interval) == 0) ||
           error_set(error, ERROR_IO, "cannot wait for events");
}

static bool add_events(struct events_server *server, struct error *error)
{
    const struct timeval alive = {ALIVE_SECONDS, 0};
    int watch;

    return event_watch_open(&watch, server->log, server->pool, error) &&
           add_event(server, watch, EV_READ, on_log, NULL, error) &&
           add_event(server, worker_descriptor(server->worker), EV_READ, on_task, NULL,
                     error) &&
           add_event(server, -1, 0, on_alive, &alive, error) &&
           add_event(server, SIGHUP, EV_SIGNAL, on_reload, NULL, error) &&
           add_event(server, SIGTERM, EV_SIGNAL, on_end, NULL, error) &&
           add_event(server, SIGINT, EV_SIGNAL, on_end, NULL, error);
}

/* Each subscriber is a descriptor. */
static void raise_limits(struct events_server *server)
{
    int64_t wanted = settings_number(server->settings, SETTING_EVENT_SUBSCRIBERS);
    struct rlimit limit;

    server->subscribers_max = (int)wanted;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = (rlim_t)wanted + SPARE_DESCRIPTORS;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < (rlim_t)wanted + SPARE_DESCRIPTORS) {
        server->subscribers_max = limit.rlim_cur > 2 * SPARE_DESCRIPTORS
                                      ? (int)(limit.rlim_cur - SPARE_DESCRIPTORS)
                                      : (int)(limit.rlim_cur / 2);
        log_write(LOG_LEVEL_WARNING,
                  "at most %d subscribers: the limit on open files is %llu",
                  server->subscribers_max, (unsigned long long)limit.rlim_cur);
    }
}

static bool set_up_http(struct events_server *server, struct error *error)
{
    server->base = event_base_new();
    server->http = server->base != NULL ? evhttp_new(server->base) : NULL;
    if (server->http == NULL)
        return error_set(error, ERROR_IO, "cannot set up libevent");
    evhttp_set_timeout(server->http, REQUEST_SECONDS);
    evhttp_set_max_headers_size(server->http, HEADERS_MAX);
    evhttp_set_max_body_size(server->http, ACTIVITY_SIZE_MAX);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
    evhttp_set_gencb(server->http, events_answer, server);
    return true;
}

static bool set_up(struct events_server *server, struct error *error)
{
    if (!read_settings(server, error))
        return false;
    server->log =
        apr_pstrdup(server->pool, settings_text(server->settings, SETTING_EVENT_LOG));
    if (*server->log == '\0')
        return error_set(error, ERROR_SETTING,
                         "REPLICA_EVENT_LOG is not set: there is nothing to serve");
    raise_limits(server);
    return set_up_http(server, error) && events_listen(server, error) &&
           worker_create(&server->worker, server->confdir, server->log, server->pool,
                         error) &&
           add_events(server, error);
}

int events_run(const char *confdir, apr_pool_t *pool)
{
    struct events_server server = {.pool = pool, .confdir = confdir};
    struct error error;

    signal(SIGPIPE, SIG_IGN);
    server.topics = apr_hash_make(pool);
    server.arrivals = apr_hash_make(pool);
    if (!set_up(&server, &error)) {
        log_write(LOG_LEVEL_ERROR, "not started: %s", error.message);
        return 1;
    }
    events_read_log(&server);
    sd_notify(0, "READY=1");
    log_write(LOG_LEVEL_INFO, "events started log=%s subscribers_max=%d", server.log,
              server.subscribers_max);
    event_base_dispatch(server.base);
    log_write(LOG_LEVEL_ERROR, "the event loop ended");
    return 1;
}
