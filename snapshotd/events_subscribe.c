/* SPDX-License-Identifier: Apache-2.0 */
/* What a subscriber asks for. Source: docs/events.md */
#include "snapshotd/events_server.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>

#include "libreplica/base/text.h"

/* The reference's client takes any answer but a broken connection for the end of its
 * wishes, and gives up after eleven failures within a minute: one in six seconds is not
 * too many. */
#define HOLD_MILLISECONDS 6500
#define BODY_MAX          4096

struct held {
    struct evhttp_request *request;
    struct event *timer;
};

static void on_close(struct evhttp_connection *connection, void *data)
{
    struct held *held = data;

    events_release(held->request);
    event_free(held->timer);
    free(held);
}

static void on_time(evutil_socket_t unused, short what, void *data)
{
    struct held *held = data;

    evhttp_connection_free(evhttp_request_get_connection(held->request));
}

/* Say nothing, and hang up later. */
static void hold(struct events_server *server, struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
    const struct timeval time = {HOLD_MILLISECONDS / 1000,
                                 (HOLD_MILLISECONDS % 1000) * 1000};
    struct held *held = calloc(1, sizeof(*held));

    if (held == NULL ||
        (held->timer = evtimer_new(server->base, on_time, held)) == NULL) {
        free(held);
        evhttp_connection_free(connection);
        return;
    }
    held->request = request;
    bufferevent_set_timeouts(stream, NULL, NULL);
    bufferevent_enable(stream, EV_READ);
    evhttp_connection_set_closecb(connection, on_close, held);
    evtimer_add(held->timer, &time);
}

/* The stock client's body: {"version":1,"repository":"..."}; NULL: it is none. */
static const char *read_body(struct evhttp_request *request, apr_pool_t *pool)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t length = evbuffer_get_length(body);
    json_t *root = NULL, *name;
    const char *found = NULL;

    if (length <= BODY_MAX)
        root = json_loadb((char *)evbuffer_pullup(body, -1), length, 0, NULL);
    name = json_object_get(root, "repository");
    if (json_is_string(name) &&
        json_integer_value(json_object_get(root, "version")) == 1 &&
        text_is_repository_name(
            (struct text){json_string_value(name), json_string_length(name)}))
        found = apr_pstrdup(pool, json_string_value(name));
    json_decref(root);
    return found;
}

/* Names between commas; 0: they are none, or too many. */
static int read_names(const char *names[EVENTS_TOPICS_MAX], const char *list,
                      apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, list), *name;
    int count = 0;

    while ((name = strsep(&rest, ",")) != NULL) {
        if (count == EVENTS_TOPICS_MAX || !text_is_repository_name(text_of(name)))
            return 0;
        names[count++] = name;
    }
    return count;
}

/* The header that browsers send when they connect again counts before the URL. */
static bool read_since(int64_t *since, struct evhttp_request *request,
                       const struct evkeyvalq *query)
{
    const char *header =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Last-Event-ID");
    const char *text = header != NULL ? header : evhttp_find_header(query, "since");

    *since = 0;
    return text == NULL || text_parse_number(since, text_of(text));
}

static void subscribe_extended(struct events_server *server,
                               struct evhttp_request *request, const char *query,
                               apr_pool_t *pool)
{
    const char *names[EVENTS_TOPICS_MAX], *list;
    struct evkeyvalq values;
    int64_t since = 0;
    int count = 0;
    bool ok;

    ok = evhttp_parse_query_str(query, &values) == 0;
    if (ok && (list = evhttp_find_header(&values, "repository")) != NULL)
        count = read_names(names, list, pool);
    ok = ok && read_since(&since, request, &values);
    evhttp_clear_headers(&values);
    if (!ok || count == 0)
        events_reply_error(request, HTTP_BADREQUEST, "invalid_subscription");
    else if (server->subscribers >= server->subscribers_max)
        events_reply_error(request, HTTP_SERVUNAVAIL, "too_many_subscribers");
    else
        events_stream(server, request, names, count, since, true);
}

void events_subscribe(struct events_server *server, struct evhttp_request *request)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    bool has_body = evbuffer_get_length(evhttp_request_get_input_buffer(request)) > 0;
    const char *name;
    apr_pool_t *pool;

    apr_pool_create(&pool, server->pool);
    if (!has_body && query != NULL)
        subscribe_extended(server, request, query, pool);
    else if ((name = read_body(request, pool)) == NULL ||
             server->subscribers >= server->subscribers_max)
        hold(server, request);
    else
        events_stream(server, request, &name, 1, 0, false);
    apr_pool_destroy(pool);
}
