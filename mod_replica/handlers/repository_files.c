/* SPDX-License-Identifier: Apache-2.0 */
/* /repos/<name>: the files of a repository, and new ones from forms. */
#include "mod_replica/handlers/handlers.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "libreplica/format/upload_path.h"
#include "mod_replica/upload.h"

static bool take_names(void *baton, const struct message_answer *answer,
                       struct error *error)
{
    json_t *names = baton;

    for (int i = 0; answer->names != NULL && i < answer->names->nelts; i++)
        json_array_append_new(names,
                              json_string(APR_ARRAY_IDX(answer->names, i, const char *)));
    return true;
}

/* The directory of the query; the root without one. */
static bool find_directory(const char **path, request_rec *r, struct error *error)
{
    struct text query = text_of(r->args != NULL ? r->args : "");
    const char *given = "";
    bool is_bad;

    *path = "";
    if (!query_find(&given, &is_bad, query, "path", r->pool))
        return !is_bad ||
               error_set(error, ERROR_USAGE, "the parameter path is malformed");
    while (*given == '/')
        given++;
    if (*given == '\0')
        return true;
    *path = apr_pstrcat(r->pool, "/", given, NULL);
    return upload_path_check(text_of(*path), error);
}

static int list_files(request_rec *r, const struct replica_request *request)
{
    json_t *names = json_array();
    struct message_answer answer;
    struct upload_door door;
    struct error error;
    const char *path;

    if (!find_directory(&path, r, &error) ||
        !upload_door_open(&door, r, request, path, &error) ||
        !upload_door_ask(&answer, NULL, &door, MESSAGE_LIST, take_names, names, &error)) {
        json_decref(names);
        return reply_failure(r, &error);
    }
    take_names(names, &answer, &error);
    return reply_object(r, json_pack("{s:o}", "files", names));
}

int handle_repository_files(request_rec *r, const struct replica_request *request)
{
    if (r->method_number == M_POST)
        return upload_form(r, request);
    ap_discard_request_body(r);
    return list_files(r, request);
}
