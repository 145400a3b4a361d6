/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL asks for, for a cache. */
#include "libreplica/format/store_request.h"

#include <string.h>

#include "libreplica/format/authority.h"
#include "libreplica/format/geo_request.h"
#include "libreplica/format/request_path.h"

static struct text after(struct text text, size_t length)
{
    return (struct text){text.bytes + length, text.length - length};
}

/* Take everything up to SEPARATOR, and that, off *REST; false without one. */
static bool take_until(struct text *part, struct text *rest, char separator)
{
    const char *at = memchr(rest->bytes, separator, rest->length);

    if (at == NULL)
        return false;
    *part = (struct text){rest->bytes, (size_t)(at - rest->bytes)};
    *rest = after(*rest, part->length + 1);
    return true;
}

/* Not with a user's name. */
static bool parse_host(struct text *host, struct text authority, char *buffer)
{
    int port;

    if (!authority_split(host, &port, authority) || !authority_is_host(*host, ".-_"))
        return false;
    *host = text_lower(*host, buffer);
    return true;
}

/* In lower case, since names are looked up so; but what is no separator must not become
 * like one. */
static void parse_servers(struct store_request *request, struct text list, char *buffer)
{
    static const char separator[] = GEO_REQUEST_SEPARATOR;
    struct text rest = list, element;
    bool is_last = false;

    request->servers = text_lower(list, buffer);
    while (!is_last) {
        is_last = !take_until(&element, &rest, ',');
        if (is_last)
            element = rest;
        if (!text_equals(element, separator))
            continue;
        memcpy(buffer + (element.bytes - list.bytes), separator, element.length);
        return;
    }
}

/* A question whose answer depends on the servers, on what the caching string means and on
 * where the client is, and on nothing else. */
static const char *parse_geo(struct store_request *request, struct text api,
                             const char *url, char *buffer)
{
    struct text version, function, caching;

    if (!take_until(&version, &api, '/') || !text_starts(version, "v") ||
        !take_until(&function, &api, '/') || !text_equals(function, "geo") ||
        !take_until(&caching, &api, '/'))
        return "it is no question about servers";
    if (!text_has_only(version, ".-_") || !text_has_only(api, ".-_:[],+") ||
        !text_has_only(caching, ".-:[]"))
        return "it is spelled in an unusual way";
    if (geo_request_is_anonymous(caching))
        request->caching_string = (struct text){caching.bytes, 0};
    else if (*caching.bytes != '.' && (memchr(caching.bytes, '.', caching.length) ||
                                       memchr(caching.bytes, ':', caching.length)))
        request->caching_string = text_lower(caching, buffer + (caching.bytes - url));
    else
        return "its caching string may mean several things";
    parse_servers(request, api, buffer + (api.bytes - url));
    return NULL;
}

static const char *parse_path(struct store_request *request, struct text path,
                              const char *url, char *buffer)
{
    struct request_path parsed = request_path_parse(path);

    request->repository = parsed.repository;
    if (parsed.kind == REQUEST_OBJECT) {
        request->object = (struct text){parsed.file_name.bytes - strlen("xx/"),
                                        parsed.file_name.length + strlen("xx/")};
        request->kind = STORE_OBJECT;
        return NULL;
    }
    if (parsed.kind != REQUEST_API)
        return "it is neither an object nor a question to the geo API";
    if (!text_has_only(parsed.repository, ".-_") || !request_path_is_plain(path))
        return "it is spelled in an unusual way";
    request->kind = STORE_GEO;
    return parse_geo(request, parsed.api, url, buffer);
}

static const char *parse(struct store_request *request, struct text url, char *buffer)
{
    static const char scheme[] = "http://";
    struct text rest = url, authority;
    char *host = buffer + strlen(scheme);

    if (!text_starts(url, scheme))
        return "it is no http:// URL";
    rest = after(url, strlen(scheme));
    if (!take_until(&authority, &rest, '/') ||
        !parse_host(&request->host, authority, host))
        return "its host is no plain name or address";
    return parse_path(request, (struct text){rest.bytes - 1, rest.length + 1}, url.bytes,
                      buffer);
}

void store_request_parse(struct store_request *request, struct text url, char *buffer)
{
    *request = (struct store_request){.kind = STORE_NOTHING};
    request->reason = parse(request, url, buffer);
    if (request->reason != NULL)
        request->kind = STORE_NOTHING;
}
