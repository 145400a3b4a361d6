/* SPDX-License-Identifier: Apache-2.0 */
/* /cvmfs/<any name>/api/v<version>/geo/: which servers are nearest. */
#include "mod_replica/handlers/handlers.h"

#include <string.h>
#include <apr_strings.h>

#include "mod_replica/geo_answer.h"
#include "mod_replica/geo_explanation.h"
#include "mod_replica/reply.h"
#include "mod_replica/request_client.h"

/* Answers that came about without a name that was too late are soon asked for again. */
static const char success_caching[] = "max-age=3600";
static const char failure_caching[] = "max-age=300";
static const char late_caching[] = "max-age=60";
static const char no_caching[] = "no-store";

static int refuse(request_rec *r, const char *reason, bool is_late)
{
    const char *text = apr_pstrcat(r->pool, "Bad Request: ", reason, "\n", NULL);

    /* A reason may quote the URL. */
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    return reply_own_text(r, HTTP_BAD_REQUEST, text_of(text),
                          is_late ? late_caching : failure_caching);
}

static int refuse_without_database(request_rec *r)
{
    apr_table_setn(r->headers_out, "Retry-After", "300");
    return reply_own_text(r, HTTP_SERVICE_UNAVAILABLE,
                          text_of("Service Unavailable: no geo database\n"), no_caching);
}

static int reply_lookup_count(request_rec *r, const struct geo_config *geo)
{
    int64_t count = geo->cache != NULL ? name_cache_lookups(geo->cache) : 0;

    return reply_own_text(r, HTTP_OK,
                          text_of(apr_psprintf(r->pool, "%" APR_INT64_T_FMT "\n", count)),
                          no_caching);
}

static int answer_question(request_rec *r, const struct geo_config *geo,
                           const struct geo_database *database,
                           const struct geo_request *request)
{
    struct geo_answer answer;

    geo_answer_find(&answer, r, geo, database, request, NULL, NULL);
    if (answer.failure != NULL)
        return refuse(r, answer.failure, answer.is_late);
    return reply_own_text(r, HTTP_OK,
                          geo_answer_format(answer.positions, request->count, r->pool),
                          answer.is_late ? late_caching : success_caching);
}

/* The value of "ip" in the query; NULL without one. */
static const char *find_asked_address(const request_rec *r)
{
    char *rest, *state, *word;

    if (r->args == NULL)
        return NULL;
    rest = apr_pstrdup(r->pool, r->args);
    for (word = apr_strtok(rest, "&", &state); word != NULL;
         word = apr_strtok(NULL, "&", &state))
        if (strncmp(word, "ip=", 3) == 0)
            return ap_unescape_urlencoded(word + 3) == OK ? word + 3 : "%";
    return NULL;
}

static int explain(request_rec *r, const struct geo_config *geo,
                   const struct geo_database *database, const struct geo_request *request,
                   const char *asked)
{
    apr_array_header_t *tried = apr_array_make(r->pool, 4, sizeof(struct geo_origin));
    struct text address_text = text_of(asked);
    struct geo_address address;
    struct geo_answer answer;

    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    if (*asked != '\0' && !geo_address_parse(&address, address_text))
        return reply_own_text(
            r, HTTP_BAD_REQUEST,
            text_of("Bad Request: ip= needs an IPv4 or IPv6 address, or nothing\n"),
            no_caching);
    geo_answer_find(&answer, r, geo, database, request,
                    *asked != '\0' ? &address_text : NULL, tried);
    return reply_own_text(
        r, HTTP_OK,
        geo_explanation_write(&answer, request, geo, database, tried, r->pool),
        no_caching);
}

int handle_geo(request_rec *r, const struct replica_request *request)
{
    const struct geo_config *geo = request->config->geo;
    struct geo_database *database = NULL;
    struct geo_request parsed;
    const char *reason, *asked;
    int status;

    if (!geo_request_parse(&parsed, &reason, request->path.repository, request->path.api,
                           r->pool))
        return refuse(r, reason, false);
    if (parsed.asks_lookup_count)
        return reply_lookup_count(r, geo);
    if (geo->locator != NULL)
        database = locator_hold(geo->locator);
    if (database == NULL)
        return refuse_without_database(r);
    asked = find_asked_address(r);
    if (asked != NULL && request_client_is_local(r))
        status = explain(r, geo, database, &parsed, asked);
    else
        status = answer_question(r, geo, database, &parsed);
    locator_release(geo->locator, database);
    return status;
}
