/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of the geo API. */
#include "libreplica/format/geo_request.h"

#include <ctype.h>
#include <string.h>
#include <apr_strings.h>

/* Take everything up to the next slash, and the run of slashes, off *REST: a server that
 * merges slashes hands the same on. False without a slash. */
static bool take_component(struct text *rest, struct text *component)
{
    const char *slash = memchr(rest->bytes, '/', rest->length);
    const char *end = rest->bytes + rest->length;

    if (slash == NULL)
        return false;
    *component = (struct text){rest->bytes, (size_t)(slash - rest->bytes)};
    while (slash < end && *slash == '/')
        slash++;
    *rest = (struct text){slash, (size_t)(end - slash)};
    return true;
}

/* "/<repository>/<api>" as it is shown to whoever sent it. */
static const char *malformed(struct text repository, struct text api, apr_pool_t *pool)
{
    static const char text[] = "malformed api URL: ";
    char *reason = apr_palloc(pool, sizeof(text) + repository.length + api.length + 2);
    char *first = reason + strlen(text), *out = first;

    memcpy(reason, text, strlen(text));
    *out++ = '/';
    memcpy(out, repository.bytes, repository.length);
    out += repository.length;
    *out++ = '/';
    for (size_t i = 0; i < api.length; i++)
        if (api.bytes[i] != '/' || out[-1] != '/')
            *out++ = api.bytes[i];
    *out = '\0';
    for (char *at = first; at < out; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return reason;
}

/* There is one element more than there are commas. */
static int count_elements(struct text list)
{
    int count = 1;

    for (size_t i = 0; i < list.length; i++)
        count += list.bytes[i] == ',';
    return count;
}

static void split(struct geo_request *request, struct text list, apr_pool_t *pool)
{
    int count = count_elements(list);
    struct text *elements = apr_palloc(pool, (apr_size_t)count * sizeof(*elements));

    request->elements = elements;
    request->count = count;
    for (int i = 0; i < count; i++) {
        const char *comma = memchr(list.bytes, ',', list.length);
        size_t length = comma != NULL ? (size_t)(comma - list.bytes) : list.length;

        elements[i] = (struct text){list.bytes, length};
        if (request->separator < 0 && text_equals(elements[i], GEO_REQUEST_SEPARATOR))
            request->separator = i;
        if (comma != NULL)
            list = (struct text){comma + 1, list.length - length - 1};
    }
}

bool geo_request_parse(struct geo_request *request, const char **reason,
                       struct text repository, struct text api, apr_pool_t *pool)
{
    struct text rest = api, leading, version, function;

    *request = (struct geo_request){.separator = -1};
    *reason = NULL;
    if (text_starts(rest, "/"))
        take_component(&rest, &leading);
    if (!take_component(&rest, &version) || !text_starts(version, "v") ||
        !take_component(&rest, &function))
        *reason = malformed(repository, api, pool);
    else if (!text_equals(function, "geo"))
        *reason = "unrecognized api function";
    else if (!take_component(&rest, &request->caching_string))
        *reason = "no slash in geo path";
    if (*reason != NULL)
        return false;
    request->asks_lookup_count = text_equals(request->caching_string, "_namelookups_");
    if (!request->asks_lookup_count)
        split(request, rest, pool);
    return true;
}

bool geo_request_is_anonymous(struct text caching_string)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (text_equals(caching_string, "x"))
        return true;
    if (caching_string.length != strlen(shape))
        return false;
    for (size_t i = 0; i < caching_string.length; i++)
        if (shape[i] == '-' ? caching_string.bytes[i] != '-'
                            : !isxdigit((unsigned char)caching_string.bytes[i]))
            return false;
    return true;
}
