/* SPDX-License-Identifier: Apache-2.0 */
/* Which request is answered by what, and short replies. */
#include "snapshotd/events_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <jansson.h>

#define BASE "/api/v1"

void events_release(struct evhttp_request *request)
{
    if (evhttp_request_get_connection(request) == NULL)
        evhttp_request_free(request);
}

void events_reply(struct evhttp_request *request, int code, const char *json)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *body = evbuffer_new();
    char length[24];

    snprintf(length, sizeof(length), "%zu", strlen(json) + 1);
    evbuffer_add_printf(body, "%s\n", json);
    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "Connection", "close");
    evhttp_send_reply(request, code, NULL, body);
    evbuffer_free(body);
}

void events_reply_error(struct evhttp_request *request, int code, const char *reason)
{
    json_t *root = json_object();
    char *text;

    json_object_set_new(root, "status", json_string("error"));
    json_object_set_new(root, "reason", json_string(reason));
    text = json_dumps(root, JSON_COMPACT);
    events_reply(request, code, text != NULL ? text : "{\"status\":\"error\"}");
    free(text);
    json_decref(root);
}

typedef void answer(struct events_server *server, struct evhttp_request *request);

/* Paths below the base that are not queries. */
static const struct route {
    const char *path;
    enum evhttp_cmd_type method;
    answer *answer;
} routes[] = {
    {"/notifications/publish", EVHTTP_REQ_POST, events_publish},
    {"/notifications/subscribe", EVHTTP_REQ_GET, events_subscribe},
};

static const struct route *find_route(const char *path)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
        if (strcmp(path, routes[i].path) == 0)
            return &routes[i];
    return NULL;
}

void events_answer(struct evhttp_request *request, void *data)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
    enum evhttp_cmd_type method = evhttp_request_get_command(request);
    struct events_server *server = data;
    const struct route *route;

    events_arrived(server, request);
    if (path == NULL || strncmp(path, BASE, strlen(BASE)) != 0) {
        events_reply_error(request, HTTP_NOTFOUND, "not_found");
        return;
    }
    path += strlen(BASE);
    route = find_route(path);
    if (route != NULL && route->method == method)
        route->answer(server, request);
    else if (route != NULL || method != EVHTTP_REQ_GET)
        events_reply_error(request, HTTP_BADMETHOD, "method_not_allowed");
    else
        events_query(server, request, path);
}
