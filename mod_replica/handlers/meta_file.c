/* SPDX-License-Identifier: Apache-2.0 */
/* The files with fixed names in a repository's root: manifest, whitelist, status, ... */
#include "mod_replica/handlers/handlers.h"
#include "mod_replica/reply.h"
#include "mod_replica/repository_cache.h"

int handle_meta_file(request_rec *r, const struct replica_request *request)
{
    const char *storage;
    struct store_read file;
    struct error error;

    if (!repository_cache_find(&storage, request->config->repositories,
                               request->path.repository, r->request_time, r->pool))
        return reply_not_found(r, &reply_meta);
    if (!store_read_named(&file, storage, request->path.file_name, &error))
        return reply_error(r, &error, &reply_meta);
    return reply_file(r, &file, &reply_meta);
}

int handle_open_meta_file(request_rec *r, const struct replica_request *request)
{
    if (settings_boolean(request->config->settings, SETTING_CORS))
        reply_allow_any_origin(r);
    return handle_meta_file(r, request);
}
