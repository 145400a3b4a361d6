/* SPDX-License-Identifier: Apache-2.0 */
/* httpd's view of the module: the hooks, and nothing else. */
#include <string.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

#include "mod_replica/config.h"
#include "mod_replica/reply.h"
#include "mod_replica/request_client.h"
#include "mod_replica/routes.h"
#include "mod_replica/upload_door.h"

static struct replica_request *request_of(const request_rec *r)
{
    return ap_get_module_config(r->request_config, &replica_module);
}

/* Whether it was, or looks as if it was, meant for the upload door. */
static bool is_upload(const request_rec *r, const struct replica_config *config)
{
    return (config->doors & 1U << DOOR_UPLOAD) != 0 &&
           (text_equals(text_of(r->uri), "/repos") ||
            text_starts(text_of(r->uri), "/repos/") ||
            text_starts(text_of(r->unparsed_uri), "/repos/"));
}

/* Everything below /cvmfs belongs to us, known or not; of the rest, what has a route. */
static bool is_ours(const request_rec *r, const struct replica_request *request)
{
    struct text path = text_of(r->uri);

    return request->route != NULL || text_equals(path, "/cvmfs") ||
           text_starts(path, "/cvmfs/") || is_upload(r, request->config);
}

/* What httpd has decoded and resolved may look better than what was sent. Of slashes it
 * makes one, which readers of repositories are used to. */
static bool was_sent_plainly(const request_rec *r)
{
    struct text sent = {r->unparsed_uri, strcspn(r->unparsed_uri, "?")};

    return request_path_is_plain(sent) &&
           (!text_starts(sent, "/repos/") ||
            memmem(sent.bytes, sent.length, "//", 2) == NULL);
}

static void note_for_logs(request_rec *r, const struct request_path *path)
{
    apr_table_setn(r->notes, "replica-kind", request_kind_name(path->kind));
    if (path->repository.length > 0)
        apr_table_setn(
            r->notes, "replica-repository",
            apr_pstrmemdup(r->pool, path->repository.bytes, path->repository.length));
}

static int translate(request_rec *r)
{
    struct replica_config *config = config_of_server(r->server);
    struct replica_request *request;

    if (config == NULL)
        return DECLINED;
    request = apr_pcalloc(r->pool, sizeof(*request));
    request->config = config;
    if (was_sent_plainly(r))
        request->path = request_path_parse(text_of(r->uri));
    request->route = route_find(config, request->path.kind);
    if (!is_ours(r, request))
        return DECLINED;
    ap_set_module_config(r->request_config, &replica_module, request);
    note_for_logs(r, &request->path);
    /* Other modules expect a name; no file of this name is ever looked at. */
    r->filename = r->uri;
    return OK;
}

/* What mod_proxy is about to ask an origin for, e.g. for a pass-through replica: an
 * origin is asked no more than we would be. */
static int guard_proxied(request_rec *r)
{
    const struct replica_config *config = config_of_server(r->server);
    const struct route *route = NULL;
    struct request_path path;

    if (config == NULL || r->proxyreq != PROXYREQ_REVERSE ||
        !text_starts(text_of(r->uri), "/cvmfs/"))
        return DECLINED;
    path = request_path_parse(text_of(r->uri));
    if (was_sent_plainly(r))
        route = route_find(config, path.kind);
    if (route == NULL)
        return HTTP_NOT_FOUND;
    note_for_logs(r, &path);
    r->allowed = route->methods->allowed;
    if ((r->allowed & AP_METHOD_BIT << r->method_number) == 0)
        return HTTP_METHOD_NOT_ALLOWED;
    r->args = NULL;
    return DECLINED;
}

/* For hooks whose work must not be done for our requests. */
static int stop_if_ours(request_rec *r)
{
    return request_of(r) != NULL ? OK : DECLINED;
}

static int answer(request_rec *r)
{
    const struct replica_request *request = request_of(r);
    int status;

    if (request == NULL)
        return DECLINED;
    if (request->route == NULL && is_upload(r, request->config))
        return reply_detail(r, was_sent_plainly(r) ? HTTP_NOT_FOUND : HTTP_BAD_REQUEST,
                            "there is nothing of such a name");
    status = request->route != NULL && request->route->methods->takes_body
                 ? OK
                 : ap_discard_request_body(r);
    if (status != OK)
        return status;
    if (request->route == NULL)
        return reply_not_found(r, &reply_meta);
    if ((request->route->methods->allowed & AP_METHOD_BIT << r->method_number) == 0)
        return reply_bad_method(r, request->route->methods->header);
    return request->route->handler(r, request);
}

static void register_hooks(apr_pool_t *pool)
{
    /* They may send a URL elsewhere, e.g. a pass-through replica to its origin. */
    static const char *const before_translation[] = {"mod_rewrite.c", "mod_proxy.c",
                                                     NULL};
    static const char *const before_proxy[] = {"mod_proxy.c", NULL};
    /* It may know the client better than the connection does. */
    static const char *const before_client[] = {"mod_remoteip.c", NULL};

    ap_hook_post_config(config_open, NULL, NULL, APR_HOOK_MIDDLE);
    /* Caches are per process: threads share them, processes do not. */
    ap_hook_child_init(config_start_child, NULL, NULL, APR_HOOK_MIDDLE);
    /* Before anything decides by address. */
    ap_hook_post_read_request(request_client_find, before_client, NULL, APR_HOOK_MIDDLE);
    /* Early, so that no alias or document root gets our URLs. */
    ap_hook_translate_name(translate, before_translation, NULL, APR_HOOK_FIRST);
    /* Saves httpd's walk over directories: our files are found by the store alone. */
    ap_hook_map_to_storage(stop_if_ours, NULL, NULL, APR_HOOK_FIRST);
    /* Types and encodings come with the kind of request, not from the name's end. */
    ap_hook_type_checker(stop_if_ours, NULL, NULL, APR_HOOK_FIRST);
    /* Before mod_proxy makes up its own request from this one. */
    ap_hook_fixups(guard_proxied, NULL, before_proxy, APR_HOOK_FIRST);
    /* First, because a configured handler for e.g. .json must not see our URLs. */
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(replica) = {
    STANDARD20_MODULE_STUFF, NULL,           NULL, config_create, config_merge,
    config_commands,         register_hooks,
};
