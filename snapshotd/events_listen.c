/* SPDX-License-Identifier: Apache-2.0 */
/* The listening sockets, and connections until they have asked for something. */
#include "snapshotd/events_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <systemd/sd-daemon.h>

#include "libreplica/base/log.h"

#define BACKLOG         4096
#define REQUEST_SECONDS 10
#define PAUSE_SECONDS   1

/* A connection whose request is not there yet. libevent has a time limit between two
 * bytes of it; this is one for the whole. */
struct arrival {
    struct events_server *server;
    struct bufferevent *stream; /* a reference of ours */
    struct event *timer;
};

static void forget(struct arrival *arrival)
{
    apr_hash_set(arrival->server->arrivals, &arrival->stream, sizeof(void *), NULL);
    event_free(arrival->timer);
    bufferevent_decref(arrival->stream);
    free(arrival);
}

/* The other side is shut, so whoever else holds the connection sees its end. */
static void on_late(evutil_socket_t unused, short what, void *data)
{
    struct arrival *arrival = data;
    evutil_socket_t fd = bufferevent_getfd(arrival->stream);

    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
    forget(arrival);
}

static struct bufferevent *on_connection(struct event_base *base, void *data)
{
    const struct timeval limit = {REQUEST_SECONDS, 0};
    struct events_server *server = data;
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct arrival *arrival = calloc(1, sizeof(*arrival));

    if (stream == NULL || arrival == NULL ||
        (arrival->timer = evtimer_new(base, on_late, arrival)) == NULL) {
        free(arrival);
        return stream;
    }
    arrival->server = server;
    arrival->stream = stream;
    bufferevent_incref(stream);
    apr_hash_set(server->arrivals, &arrival->stream, sizeof(void *), arrival);
    evtimer_add(arrival->timer, &limit);
    return stream;
}

void events_arrived(struct events_server *server, struct evhttp_request *request)
{
    struct bufferevent *stream =
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
    struct arrival *arrival = apr_hash_get(server->arrivals, &stream, sizeof(void *));

    if (arrival != NULL)
        forget(arrival);
}

static void on_pause_end(evutil_socket_t unused, short what, void *listener)
{
    evconnlistener_enable(listener);
}

/* No descriptors left, as a rule: those that wait in the backlog are not lost. */
static void on_accept_error(struct evconnlistener *listener, void *data)
{
    const struct timeval pause = {PAUSE_SECONDS, 0};

    log_write(LOG_LEVEL_WARNING, "connections wait: %s", strerror(errno));
    evconnlistener_disable(listener);
    event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, on_pause_end,
                    listener, &pause);
}

static bool accept_on(struct events_server *server, int fd, struct error *error)
{
    struct evhttp_bound_socket *bound;

    evutil_make_socket_nonblocking(fd);
    bound = evhttp_accept_socket_with_handle(server->http, fd);
    if (bound == NULL)
        return error_set(error, ERROR_IO, "cannot accept connections");
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound), on_accept_error);
    return true;
}

static bool bind_own(struct events_server *server, struct error *error)
{
    const char *text = settings_text(server->settings, SETTING_EVENT_LISTEN);
    struct sockaddr_storage address = {0};
    int length = sizeof(address), on = 1, fd;

    if (evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &length) != 0)
        return error_set(error, ERROR_SETTING,
                         "REPLICA_EVENT_LISTEN='%s': give an address and a port, as "
                         "127.0.0.1:4929",
                         text);
    fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, (socklen_t)length) != 0 ||
        listen(fd, BACKLOG) != 0) {
        error_set_errno(error, errno, "cannot listen on %s", text);
        if (fd >= 0)
            close(fd);
        return false;
    }
    return accept_on(server, fd, error);
}

bool events_listen(struct events_server *server, struct error *error)
{
    int inherited = sd_listen_fds(1);

    evhttp_set_bevcb(server->http, on_connection, server);
    if (inherited <= 0)
        return bind_own(server, error);
    for (int i = 0; i < inherited; i++)
        if (!accept_on(server, SD_LISTEN_FDS_START + i, error))
            return false;
    log_write(LOG_LEVEL_INFO, "sockets inherited count=%d", inherited);
    return true;
}
