/* SPDX-License-Identifier: Apache-2.0 */
/* .cvmfs_master_replica: whether others may replicate from here. */
#include "mod_replica/handlers/handlers.h"

#include <unistd.h>

#include "libreplica/store/partial_replica.h"
#include "libreplica/store/store_read.h"
#include "mod_replica/reply.h"
#include "mod_replica/repository_cache.h"

static bool is_there(const char *storage, const char *name)
{
    struct store_read file;

    if (!store_read_named(&file, storage, text_of(name), NULL))
        return false;
    close(file.fd);
    return true;
}

/* A replica of a partial replica would lack what this one does, whether its administrator
 * has allowed replication or not. */
int handle_master_replica(request_rec *r, const struct replica_request *request)
{
    const char *storage;

    if (repository_cache_find(&storage, request->config->repositories,
                              request->path.repository, r->request_time, r->pool) &&
        (is_there(storage, PARTIAL_RULES_NAME) ||
         is_there(storage, PARTIAL_RULES_SECOND_NAME) ||
         is_there(storage, PARTIAL_CHANGE_NAME)))
        return reply_not_found(r, &reply_meta);
    return handle_meta_file(r, request);
}
