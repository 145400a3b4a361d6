/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes of the upload door share. */
#include "mod_replica/upload_door.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "libreplica/access/access.h"
#include "libreplica/format/upload_path.h"
#include "mod_replica/reply.h"

APLOG_USE_MODULE(replica);

#define RETRY_SECONDS     "5"
#define HTTP_MALFORMED    422
#define TTL_SECONDS_LIMIT 3155760000 /* a hundred years */

static bool find_credential(struct upload_door *door, struct error *error)
{
    request_rec *r = door->r;
    struct access_credential credential;

    if (!access_credential_parse(
            &credential, apr_table_get(r->headers_in, "Authorization"),
            apr_table_get(r->headers_in, "X-Replica-Date"), r->pool, error))
        return false;
    door->message.token = credential.token_hash;
    door->message.key = credential.key_id;
    if (credential.proof != ACCESS_PROOF_KEY)
        return true;
    door->message.mac = credential.mac;
    door->message.date = credential.date;
    door->message.method = r->method;
    door->message.target = r->unparsed_uri;
    return true;
}

bool upload_door_open(struct upload_door *door, request_rec *r,
                      const struct replica_request *request, const char *path,
                      struct error *error)
{
    const struct settings *settings = request->config->settings;

    *door = (struct upload_door){.r = r};
    door->publish_timeout =
        apr_time_from_sec(settings_number(settings, SETTING_PUBLISH_TIMEOUT));
    door->message.repository = apr_pstrmemdup(r->pool, request->path.repository.bytes,
                                              request->path.repository.length);
    door->message.path = path;
    return find_credential(door, error) &&
           daemon_connect(&door->connection, settings_text(settings, SETTING_SOCKET),
                          r->pool, error);
}

static bool waits_for_others(enum message_type type)
{
    switch (type) {
    case MESSAGE_UPLOAD_FINISH:
    case MESSAGE_REMOVE:
    case MESSAGE_SET_TTL: /* with REPLICA_TTL_MANIFEST */
    case MESSAGE_CLEAN:
    case MESSAGE_COLLECT:
    case MESSAGE_HOUSEKEEPING:
    case MESSAGE_RESIGN:
        return true;
    default:
        return false;
    }
}

bool upload_door_ask(struct message_answer *answer, int *fd, struct upload_door *door,
                     enum message_type type, daemon_progress *progress, void *baton,
                     struct error *error)
{
    struct daemon_patience patience = {door->r->server->timeout,
                                       door->r->server->timeout};

    if (waits_for_others(type))
        patience.in_all = door->publish_timeout;
    return daemon_ask(answer, fd, door->connection, type, &door->message, &patience,
                      progress, baton, door->r->pool, error);
}

void upload_door_explain(struct error *error, const char *where)
{
    if (error->code == ERROR_UNREACHABLE)
        error_set(
            error, ERROR_UNREACHABLE,
            "%.80s: it may be published by now or later, or not; GET %.100s shows it",
            error->message, where);
}

static int malformed(request_rec *r, const char *name, const char *reason)
{
    return reply_detail(r, HTTP_MALFORMED,
                        apr_psprintf(r->pool, "the parameter %s %s", name, reason));
}

static bool find_parameter(const char **value, int *status, request_rec *r,
                           const char *name)
{
    struct text query = text_of(r->args != NULL ? r->args : "");
    bool is_bad;

    *status = OK;
    if (query_find(value, &is_bad, query, name, r->pool))
        return true;
    *value = NULL;
    if (!is_bad)
        return true;
    *status = malformed(r, name, "holds a percent-encoding that is none");
    return false;
}

bool upload_door_flag(bool *value, int *status, request_rec *r, const char *name)
{
    const char *text;

    if (!find_parameter(&text, status, r, name))
        return false;
    if (text == NULL || query_flag(value, text))
        return true;
    *status = malformed(r, name, "is neither true nor false");
    return false;
}

bool upload_door_number(int64_t *value, bool *found, int *status, request_rec *r,
                        const char *name)
{
    const char *text;

    if (!find_parameter(&text, status, r, name))
        return false;
    *found = text != NULL;
    if (text == NULL ||
        (text_parse_number(value, text_of(text)) && *value <= TTL_SECONDS_LIMIT))
        return true;
    *status = malformed(r, name, "is no number of seconds");
    return false;
}

/* What is left of the body is not worth reading. */
static void end_connection(request_rec *r)
{
    if (apr_table_get(r->headers_in, "Content-Length") != NULL ||
        apr_table_get(r->headers_in, "Transfer-Encoding") != NULL)
        r->connection->keepalive = AP_CONN_CLOSE;
}

static int send_json(request_rec *r, json_t *object)
{
    char *bytes = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(16));
    const char *text = bytes != NULL ? apr_pstrcat(r->pool, bytes, "\n", NULL) : "{}\n";

    free(bytes);
    json_decref(object);
    return reply_momentary(r, text, "application/json");
}

int reply_object(request_rec *r, json_t *object)
{
    return send_json(r, object);
}

int reply_detail(request_rec *r, int status, const char *detail)
{
    json_t *text = json_string(detail);

    end_connection(r);
    r->status = status;
    return send_json(
        r, json_pack("{s:o}", "detail",
                     text != NULL ? text : json_string("something is not UTF-8")));
}

static int status_of(enum error_code code)
{
    switch (code) {
    case ERROR_USAGE:
        return HTTP_BAD_REQUEST;
    case ERROR_BAD_SIGNATURE:
        return HTTP_UNAUTHORIZED;
    case ERROR_PERMISSION:
        return HTTP_FORBIDDEN;
    case ERROR_NOT_FOUND:
        return HTTP_NOT_FOUND;
    case ERROR_EXISTS:
        return HTTP_CONFLICT;
    case ERROR_TOO_LARGE:
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    case ERROR_UNSUPPORTED:
        return HTTP_NOT_IMPLEMENTED;
    case ERROR_NO_SPACE:
        return HTTP_INSUFFICIENT_STORAGE;
    case ERROR_BUSY:
    case ERROR_CANCELLED:
    case ERROR_UNREACHABLE:
        return HTTP_SERVICE_UNAVAILABLE;
    default:
        return HTTP_INTERNAL_SERVER_ERROR;
    }
}

int reply_failure(request_rec *r, const struct error *error)
{
    int status = status_of(error->code);

    ap_log_rerror(APLOG_MARK, status >= 500 ? APLOG_ERR : APLOG_INFO, 0, r, "%s",
                  error->message);
    if (status == HTTP_UNAUTHORIZED)
        apr_table_setn(r->headers_out, "WWW-Authenticate", "Bearer realm=\"replica\"");
    if (status == HTTP_SERVICE_UNAVAILABLE)
        apr_table_setn(r->headers_out, "Retry-After", RETRY_SECONDS);
    return reply_detail(r, status, error->message);
}
