/* SPDX-License-Identifier: Apache-2.0 */
/* /repos/<name>/<path>: one file, and when it expires. */
#include "mod_replica/handlers/handlers.h"

#include <string.h>
#include <apr_strings.h>
#include <http_protocol.h>

#include "libreplica/format/upload_path.h"
#include "mod_replica/download.h"
#include "mod_replica/upload.h"

/* What a POST asks for stands at the end of its path. */
#define TTL_END "/ttl"

static int remove_file(request_rec *r, const struct replica_request *request,
                       const char *path)
{
    struct message_answer answer;
    struct upload_door door;
    struct error error;

    if (!upload_path_check(text_of(path), &error) ||
        !upload_door_open(&door, r, request, path, &error))
        return reply_failure(r, &error);
    if (!upload_door_ask(&answer, NULL, &door, MESSAGE_REMOVE, NULL, NULL, &error)) {
        upload_door_explain(&error, r->uri);
        return reply_failure(r, &error);
    }
    return reply_object(r, json_pack("{s:s, s:I}", "target_name", path + 1, "revision",
                                     (json_int_t)answer.revision));
}

static int set_ttl(request_rec *r, const struct replica_request *request,
                   const char *path)
{
    struct message_answer answer;
    struct upload_door door;
    struct error error;
    int64_t ttl;
    bool found;
    int status;

    if (!upload_door_number(&ttl, &found, &status, r, "ttl_s"))
        return status;
    if (!found)
        return reply_detail(r, 422, "the parameter ttl_s is missing");
    if (!upload_path_check(text_of(path), &error) ||
        !upload_door_open(&door, r, request, path, &error))
        return reply_failure(r, &error);
    door.message.ttl_seconds = ttl;
    if (!upload_door_ask(&answer, NULL, &door, MESSAGE_SET_TTL, NULL, NULL, &error)) {
        upload_door_explain(&error,
                            apr_pstrcat(r->pool, "/repos/", door.message.repository,
                                        UPLOAD_RESERVED, NULL));
        return reply_failure(r, &error);
    }
    return reply_object(
        r, json_pack("{s:s, s:I}", "filename", path + 1, "ttl_s", (json_int_t)ttl));
}

int handle_repository_file(request_rec *r, const struct replica_request *request)
{
    struct text given = request->path.upload;
    const char *path = apr_pstrmemdup(r->pool, given.bytes, given.length);
    size_t end = strlen(TTL_END);

    if (strlen(path) != given.length)
        return reply_detail(r, HTTP_BAD_REQUEST, "the name holds a NUL byte");
    if (r->method_number == M_PUT)
        return upload_plain(r, request, path);
    ap_discard_request_body(r);
    if (r->method_number == M_DELETE)
        return remove_file(r, request, path);
    if (r->method_number == M_GET)
        return download(r, request, path);
    if (strcmp(path, "/clean") == 0)
        return call_clean(r, request);
    if (strcmp(path, "/notify") == 0)
        return call_notify(r, request);
    if (given.length <= end || strcmp(path + given.length - end, TTL_END) != 0)
        return reply_detail(r, HTTP_NOT_FOUND,
                            "files are put, forms posted to /repos/NAME");
    return set_ttl(r, request, apr_pstrmemdup(r->pool, path, given.length - end));
}
