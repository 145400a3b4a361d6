/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway's API tells about its repositories; nobody leases anything here. */
#include "snapshotd/events_server.h"

#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "libreplica/store/repository.h"

/* Reading all configuration is not for everybody who asks every moment. */
#define TRUST apr_time_from_sec(5)

static json_t *describe(void)
{
    json_t *repository = json_object();

    json_object_set_new(repository, "keys", json_object());
    json_object_set_new(repository, "enabled", json_true());
    return repository;
}

/* Name in the manifest -> facts. */
static json_t *list_repositories(const struct events_server *server, apr_pool_t *pool)
{
    json_t *list = json_object();
    apr_array_header_t *names;

    if (!repository_names(&names, server->confdir, pool, NULL))
        return list;
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        struct repository *repository;

        if (repository_read(&repository, server->confdir, name, server->settings, pool,
                            NULL))
            json_object_set_new(list, repository->fqrn, describe());
    }
    return list;
}

static void refresh(struct events_server *server)
{
    apr_time_t now = apr_time_now();
    apr_pool_t *pool;
    json_t *list;

    if (server->repositories != NULL && now < server->repositories_read + TRUST &&
        now >= server->repositories_read)
        return;
    apr_pool_create(&pool, server->pool);
    list = list_repositories(server, pool);
    free(server->repositories);
    server->repositories = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
    server->repositories_read = now;
    json_decref(list);
    apr_pool_destroy(pool);
}

static void reply_data(struct evhttp_request *request, json_t *data)
{
    json_t *root = json_object();
    char *text;

    json_object_set_new(root, "status", json_string("ok"));
    json_object_set_new(root, "data", data);
    text = json_dumps(root, JSON_COMPACT);
    if (text != NULL)
        events_reply(request, HTTP_OK, text);
    else
        events_reply_error(request, HTTP_INTERNAL, "out_of_memory");
    free(text);
    json_decref(root);
}

static void reply_repositories(struct events_server *server,
                               struct evhttp_request *request, const char *name)
{
    json_t *list, *one;

    refresh(server);
    list =
        json_loads(server->repositories != NULL ? server->repositories : "{}", 0, NULL);
    one = name != NULL ? json_object_get(list, name) : list;
    if (one == NULL)
        events_reply_error(request, HTTP_OK, "invalid_repo");
    else
        reply_data(request, json_incref(one));
    json_decref(list);
}

void events_query(struct events_server *server, struct evhttp_request *request,
                  const char *path)
{
    if (*path == '\0' || strcmp(path, "/") == 0)
        events_reply(request, HTTP_OK,
                     "{\"status\":\"ok\",\"welcome\":\"events of this server\"}");
    else if (strcmp(path, "/repos") == 0)
        reply_repositories(server, request, NULL);
    else if (strncmp(path, "/repos/", 7) == 0)
        reply_repositories(server, request, path + 7);
    else if (strcmp(path, "/leases") == 0)
        reply_data(request, json_object());
    else
        events_reply_error(request, HTTP_NOTFOUND, "not_found");
}
