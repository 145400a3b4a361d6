/* SPDX-License-Identifier: Apache-2.0 */
/* data/<xx>/<rest>: the objects. */
#include "mod_replica/handlers/handlers.h"

#include <unistd.h>
#include <apr_strings.h>
#include <http_protocol.h>

#include "mod_replica/missing_log.h"
#include "mod_replica/reply.h"
#include "mod_replica/repository_cache.h"

/* A crash of an older server may have left a file without its bytes. Found missing, it
 * sends the client to another server; found empty, it would only look corrupt. */
static bool has_lost_its_bytes(const struct object *object, const struct store_read *file)
{
    struct hash empty;

    if (file->size > 0)
        return false;
    hash_bytes(&empty, object->hash.algorithm, "", 0);
    return !hash_equals(&empty, &object->hash);
}

/* Whether the client has the object already. The name says what the bytes are, so it is
 * a validator as strong as any. */
static bool is_known_to_client(request_rec *r, const struct object *object)
{
    char name[OBJECT_NAME_SIZE];

    apr_table_setn(r->headers_out, "ETag",
                   apr_pstrcat(r->pool, "\"", object_name(name, object), "\"", NULL));
    switch (ap_condition_if_none_match(r, r->headers_out)) {
    case AP_CONDITION_WEAK:
    case AP_CONDITION_STRONG:
        return true;
    default:
        return false;
    }
}

/* snapshotd finds out whether it should be here. */
static int reply_missing(request_rec *r, const struct replica_request *request,
                         const struct error *error)
{
    if (error->code == ERROR_NOT_FOUND)
        missing_log_add(request->config->missing, request->path.repository,
                        &request->path.object, r->request_time);
    return reply_error(r, error, &reply_data);
}

int handle_object(request_rec *r, const struct replica_request *request)
{
    const struct object *object = &request->path.object;
    const char *storage;
    struct store_read file;
    struct error error;

    if (!repository_cache_find(&storage, request->config->repositories,
                               request->path.repository, r->request_time, r->pool))
        return reply_not_found(r, &reply_data);
    if (!store_read_object(&file, storage, object, &error))
        return reply_missing(r, request, &error);
    if (has_lost_its_bytes(object, &file)) {
        close(file.fd);
        error_set(&error, ERROR_NOT_FOUND, "%s is an empty file in %s", r->uri, storage);
        return reply_missing(r, request, &error);
    }
    if (settings_boolean(request->config->settings, SETTING_OBJECT_ETAG) &&
        is_known_to_client(r, object)) {
        close(file.fd);
        reply_set_caching(r, &reply_data);
        return HTTP_NOT_MODIFIED;
    }
    return reply_file(r, &file, &reply_data);
}
