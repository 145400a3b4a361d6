/* SPDX-License-Identifier: Apache-2.0 */
/* THE table: what answers which kind of request. docs/requests.md says it in words. */
#include "mod_replica/routes.h"

#include <string.h>

#include "mod_replica/handlers/handlers.h"

/* httpd's number for GET covers HEAD. */
static const struct route_methods read_only = {AP_METHOD_BIT << M_GET, false,
                                               "GET, HEAD"};
static const struct route_methods list_or_add = {
    AP_METHOD_BIT << M_GET | AP_METHOD_BIT << M_POST, true, "GET, HEAD, POST"};
static const struct route_methods call = {AP_METHOD_BIT << M_POST, true, "POST"};
static const struct route_methods any_of_file = {
    AP_METHOD_BIT << M_GET | AP_METHOD_BIT << M_PUT | AP_METHOD_BIT << M_DELETE |
        AP_METHOD_BIT << M_POST,
    true, "GET, HEAD, PUT, DELETE, POST"};

static const struct route routes[REQUEST_KIND_COUNT] = {
    [REQUEST_ROBOTS] = {DOOR_SERVE, &read_only, handle_robots},
    [REQUEST_MANIFEST] = {DOOR_SERVE, &read_only, handle_open_meta_file},
    [REQUEST_WHITELIST] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_WHITELIST_PKCS7] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_OBJECT] = {DOOR_SERVE, &read_only, handle_object},
    [REQUEST_REFLOG] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_STATUS_FILE] = {DOOR_SERVE, &read_only, handle_open_meta_file},
    [REQUEST_LAST_SNAPSHOT] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_IS_SNAPSHOTTING] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_MASTER_REPLICA] = {DOOR_SERVE, &read_only, handle_master_replica},
    [REQUEST_ALTERNATIVE_PATH] = {DOOR_SERVE, &read_only, handle_alternative_path},
    [REQUEST_EMPTY_PROBE] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_PARTIAL_REPLICA] = {DOOR_SERVE, &read_only, handle_meta_file},
    [REQUEST_API] = {DOOR_SERVE, &read_only, handle_geo},
    [REQUEST_REPOSITORIES_INFO] = {DOOR_SERVE, &read_only, handle_info},
    [REQUEST_META_INFO] = {DOOR_SERVE, &read_only, handle_info},
    [REQUEST_KEY_FILE] = {DOOR_SERVE, &read_only, handle_key_file},
    [REQUEST_STATUS_PAGE] = {DOOR_STATUS, &read_only, handle_status_page},
    [REQUEST_STATUS_METRICS] = {DOOR_STATUS, &read_only, handle_status_metrics},
    [REQUEST_STATUS_JSON] = {DOOR_STATUS, &read_only, handle_status_json},
    [REQUEST_REPOSITORY_FILES] = {DOOR_UPLOAD, &list_or_add, handle_repository_files},
    [REQUEST_REPOSITORY_FILE] = {DOOR_UPLOAD, &any_of_file, handle_repository_file},
    [REQUEST_COLLECT] = {DOOR_UPLOAD, &call, handle_call},
    [REQUEST_HOUSEKEEPING] = {DOOR_UPLOAD, &call, handle_call},
    [REQUEST_RESIGN] = {DOOR_UPLOAD, &call, handle_call},
};

const struct route *route_find(const struct replica_config *config,
                               enum request_kind kind)
{
    const struct route *route = &routes[kind];

    if (route->handler == NULL || (config->doors & 1U << route->door) == 0)
        return NULL;
    return route;
}

static const char *const doors[DOOR_COUNT] = {
    [DOOR_SERVE] = "serve", [DOOR_STATUS] = "status", [DOOR_UPLOAD] = "upload"};

bool door_parse(enum door *door, const char *name)
{
    for (int i = 0; i < DOOR_COUNT; i++)
        if (strcmp(name, doors[i]) == 0) {
            *door = (enum door)i;
            return true;
        }
    return false;
}

const char *door_names(void)
{
    return "serve, status, upload";
}
