/* SPDX-License-Identifier: Apache-2.0 */
/* Where the client is. */
#include "mod_replica/geo_origin.h"

#include <string.h>

#include "libreplica/format/geo_request.h"
#include "mod_replica/forwarded_for.h"
#include "mod_replica/networks.h"
#include "mod_replica/request_client.h"

/* What the steps of a search share. */
struct search {
    struct geo_origin *origin;
    request_rec *r;
    const struct geo_config *geo;
    const struct geo_database *database;
    apr_array_header_t *tried;
};

bool geo_origin_is_name(struct text text, bool resolves_single_labels)
{
    if (text.length == 0 || *text.bytes == '.')
        return false;
    if (memchr(text.bytes, '.', text.length) != NULL ||
        memchr(text.bytes, ':', text.length) != NULL)
        return true;
    return resolves_single_labels && !geo_request_is_anonymous(text);
}

/* Headers are only as good as the peer that sends them. */
static bool is_believed(const request_rec *r, const struct geo_config *geo)
{
    struct geo_address peer;

    return geo->trusts_anyone ||
           (geo_address_parse(&peer, text_of(request_client_peer(r))) &&
            networks_contain_bytes(geo->trusted, &peer));
}

static const char *find_cdn_header(const char **name, const request_rec *r,
                                   const struct geo_config *geo, int *index)
{
    while (*index < geo->cdn_headers->nelts) {
        const char *value;

        *name = APR_ARRAY_IDX(geo->cdn_headers, (*index)++, const char *);
        value = apr_table_get(r->headers_in, *name);
        if (value != NULL)
            return value;
    }
    return NULL;
}

bool geo_origin_is_behind_cdn(const request_rec *r, const struct geo_config *geo)
{
    const char *name;
    int index = 0;

    return find_cdn_header(&name, r, geo, &index) != NULL && is_believed(r, geo);
}

/* The end of each step that finds nothing. */
static bool note(const struct search *search, const char *source, struct text text,
                 const char *reason)
{
    if (search->tried != NULL)
        APR_ARRAY_PUSH(search->tried, struct geo_origin) =
            (struct geo_origin){source, text, reason, {false}};
    return false;
}

static bool try_caching_string(const struct search *search,
                               const struct locator_query *caching)
{
    static const char source[] = "caching string";

    if (caching == NULL)
        return false;
    if (!caching->place.is_known)
        return note(search, source, caching->name,
                    caching->source == LOCATOR_LATE ? "not known in time" : "not found");
    *search->origin = (struct geo_origin){source, caching->name, NULL, caching->place};
    return true;
}

static bool try_address(const struct search *search, const char *source, struct text text)
{
    struct geo_address address;
    struct geo_place place = {.is_known = true};

    if (!geo_address_parse(&address, text))
        return note(search, source, text, "not an address");
    if (!geo_database_find(&place.point, search->database, &address))
        return note(search, source, text, "not in the database");
    *search->origin = (struct geo_origin){source, text, NULL, place};
    return true;
}

static bool try_cdn_headers(const struct search *search)
{
    const char *name, *value;
    int index = 0;

    while ((value = find_cdn_header(&name, search->r, search->geo, &index)) != NULL)
        if (try_address(search, name, text_of(value)))
            return true;
    return false;
}

/* The last element that is located, but for our own proxies; an anonymous proxy's
 * "unknown" is passed over. */
static bool try_forwarded_for(const struct search *search)
{
    static const char source[] = "X-Forwarded-For";
    const char *value = apr_table_get(search->r->headers_in, source);
    struct text list, element;
    struct geo_address address;

    if (value == NULL)
        return false;
    list = text_of(value);
    if (search->geo->trusts_anyone)
        return try_address(search, source, forwarded_for_tail(list));
    while (forwarded_for_take_last(&element, &list))
        if (geo_address_parse(&address, element) &&
            networks_contain_bytes(search->geo->trusted, &address))
            note(search, source, element, "a trusted proxy");
        else if (try_address(search, source, element))
            return true;
    return false;
}

bool geo_origin_find(struct geo_origin *origin, request_rec *r,
                     const struct geo_config *geo, const struct geo_database *database,
                     const struct locator_query *caching, const struct text *asked,
                     apr_array_header_t *tried)
{
    const struct search search = {origin, r, geo, database, tried};

    if (try_caching_string(&search, caching))
        return true;
    if (asked != NULL)
        return try_address(&search, "?ip=", *asked);
    if (is_believed(r, geo) && (try_cdn_headers(&search) || try_forwarded_for(&search)))
        return true;
    return try_address(&search, "peer", text_of(request_client_peer(r)));
}
