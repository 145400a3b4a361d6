/* SPDX-License-Identifier: Apache-2.0 */
/* .cvmfsalt-<object>: the way in to a repository whose data folder is protected. */
#include "mod_replica/handlers/handlers.h"
#include "mod_replica/reply.h"
#include "mod_replica/repository_cache.h"

int handle_alternative_path(request_rec *r, const struct replica_request *request)
{
    const char *storage;
    struct store_read file;
    struct error error;

    if (!repository_cache_find(&storage, request->config->repositories,
                               request->path.repository, r->request_time, r->pool))
        return reply_not_found(r, &reply_meta);
    if (!store_read_alternative(&file, storage, &request->path.object, &error))
        return reply_error(r, &error, &reply_meta);
    return reply_file(r, &file, &reply_meta);
}
