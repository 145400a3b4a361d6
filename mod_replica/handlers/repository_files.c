/* SPDX-License-Identifier: Apache-2.0 */
/* /repos/<name>: the files of a repository, and new ones from forms. */
#include "mod_replica/handlers/handlers.h"

#include <apr_strings.h>
#include <http_protocol.h>

#include "libreplica/format/upload_path.h"
#include "mod_replica/upload.h"

static void append(json_t *to, const apr_array_header_t *names)
{
    for (int i = 0; names != NULL && i < names->nelts; i++)
        json_array_append_new(to, json_string(APR_ARRAY_IDX(names, i, const char *)));
}

/* BATON: the object that is answered. */
static bool take_names(void *baton, const struct message_answer *answer,
                       struct error *error)
{
    (void)error;
    append(json_object_get(baton, "files"), answer->names);
    append(json_object_get(baton, "trees"), answer->trees);
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
    json_t *found = json_pack("{s:[], s:[]}", "files", "trees");
    struct message_answer answer;
    struct upload_door door;
    struct error error;
    const char *path;

    if (!find_directory(&path, r, &error) ||
        !upload_door_open(&door, r, request, path, &error) ||
        !upload_door_ask(&answer, NULL, &door, MESSAGE_LIST, take_names, found, &error)) {
        json_decref(found);
        return reply_failure(r, &error);
    }
    take_names(found, &answer, &error);
    return reply_object(r, found);
}

int handle_repository_files(request_rec *r, const struct replica_request *request)
{
    if (r->method_number == M_POST)
        return upload_form(r, request);
    ap_discard_request_body(r);
    return list_files(r, request);
}
