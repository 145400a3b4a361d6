/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that concern whole repositories: one, or all of which the caller may. */
#include "mod_replica/handlers/handlers.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "mod_replica/upload_door.h"

struct call {
    enum message_type type;
    const char *time; /* the member of the answer that says how long; NULL: none */
    const char *message;
    bool counts; /* the number follows */
};

static int make_call(request_rec *r, const struct replica_request *request,
                     const struct call *call)
{
    apr_time_t begun = apr_time_now();
    struct message_answer answer;
    struct upload_door door;
    struct error error;
    const char *message;
    double seconds;

    ap_discard_request_body(r);
    if (!upload_door_open(&door, r, request, "", &error))
        return reply_failure(r, &error);
    if (request->path.repository.length == 0)
        door.message.repository = NULL;
    if (!upload_door_ask(&answer, NULL, &door, call->type, NULL, NULL, &error))
        return reply_failure(r, &error);
    message = call->counts ? apr_psprintf(r->pool, "%s: %" APR_INT64_T_FMT, call->message,
                                          (apr_int64_t)answer.count)
                           : call->message;
    seconds = (double)(apr_time_now() - begun) / APR_USEC_PER_SEC;
    return reply_object(r, call->time == NULL ? json_pack("{s:s}", "message", message)
                                              : json_pack("{s:s, s:f}", "message",
                                                          message, call->time, seconds));
}

int handle_call(request_rec *r, const struct replica_request *request)
{
    static const struct call collect = {MESSAGE_COLLECT, "gc_time_s",
                                        "garbage is collected", false};
    static const struct call housekeeping = {MESSAGE_HOUSEKEEPING, "housekeeping_time_s",
                                             "files and trees that had expired", true};
    static const struct call resign = {MESSAGE_RESIGN, NULL,
                                       "whitelists that were signed", true};

    switch (request->path.kind) {
    case REQUEST_COLLECT:
        return make_call(r, request, &collect);
    case REQUEST_HOUSEKEEPING:
        return make_call(r, request, &housekeeping);
    default:
        return make_call(r, request, &resign);
    }
}

int call_clean(request_rec *r, const struct replica_request *request)
{
    static const struct call clean = {MESSAGE_CLEAN, NULL,
                                      "files and trees that had expired", true};

    return make_call(r, request, &clean);
}

int call_notify(request_rec *r, const struct replica_request *request)
{
    static const struct call notify = {MESSAGE_NOTIFY, NULL,
                                       "the present revision is announced", false};

    return make_call(r, request, &notify);
}
