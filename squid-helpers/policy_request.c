/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and replies of replica-policy. */
#include "squid-helpers/policy_request.h"

#include <stdio.h>
#include <string.h>
#include <apr_lib.h>

/* Take the next field, unescaped into what is left of the request's memory. */
static bool take_field(struct policy_request *request, size_t *used, struct text *value,
                       struct text *fields)
{
    struct text field;

    if (!helper_field_next(&field, fields) ||
        field.length > sizeof(request->fields) - *used)
        return false;
    *value = helper_field_unescape(field, request->fields + *used);
    *used += value->length;
    return true;
}

/* Squid escapes what URLs must not hold, but no percent sign: its escapes cannot be told
 * from those of the URL. In a path they mean the same, and are decoded once, when it has
 * been split: "%3f" is no question mark. Only the brackets of an address are taken back,
 * into BUFFER, which has room for URL: "http://%5B::1%5D:80/". */
static struct text take_url(struct text url, char *buffer)
{
    static const char start[] = "http://%5B", end[] = "%5D";
    size_t begin = sizeof(start) - 1, length, rest;
    struct text copy = {buffer, sizeof("http://[") - 1};
    const char *bracket;

    if (!text_starts(url, start))
        return url;
    bracket = memmem(url.bytes, url.length, end, sizeof(end) - 1);
    length = bracket != NULL ? (size_t)(bracket - url.bytes) - begin : url.length - begin;
    rest = begin + length + sizeof(end) - 1;
    if (rest >= url.length || strchr(":/", url.bytes[rest]) == NULL)
        return url;
    memcpy(buffer, url.bytes, copy.length);
    buffer[copy.length - 1] = '[';
    memcpy(buffer + copy.length, url.bytes + begin, length);
    copy.length += length;
    buffer[copy.length++] = ']';
    memcpy(buffer + copy.length, url.bytes + rest, url.length - rest);
    copy.length += url.length - rest;
    return copy;
}

bool policy_request_parse(struct policy_request *request, struct text fields)
{
    struct policy_query *query = &request->query;
    struct text client, url, port;
    size_t used = 0;
    int64_t number;

    if (!take_field(request, &used, &client, &fields) ||
        !take_field(request, &used, &query->method, &fields) ||
        !helper_field_next(&url, &fields) || url.length > sizeof(request->fields) - used)
        return false;
    url = take_url(url, request->fields + used);
    used += url.length;
    policy_query_set_client(query, client);
    policy_query_set_url(query, url, request->names);
    query->port = 0;
    if (take_field(request, &used, &port, &fields) && text_parse_number(&number, port) &&
        number <= 65535)
        query->port = (int)number;
    return true;
}

void policy_request_set_time(struct policy_request *request, time_t now)
{
    struct tm local;

    localtime_r(&now, &local);
    request->query.weekday = local.tm_wday;
    request->query.minute = local.tm_hour * 60 + local.tm_min;
}

/* "rules:12", without the folder. */
static void add_line(struct helper_reply *reply, const struct policy_effect *effect)
{
    char line[128];

    snprintf(line, sizeof(line), "%.100s:%d", apr_filepath_name_get(effect->file),
             effect->line);
    helper_reply_pair(reply, "line_", text_of(line));
}

static void add_allowed(struct helper_reply *reply, const struct policy_effect *effect)
{
    helper_reply_pair(reply, "cache_",
                      text_of(effect->cache == POLICY_CACHE_YES ? "yes" : "no"));
    if (effect->limit.length > 0)
        helper_reply_pair(reply, "limit_", effect->limit);
}

void policy_request_reply(struct helper_reply *reply, const struct helper_request *asked,
                          const struct policy_query *query,
                          const struct policy_effect *effect)
{
    helper_reply_begin(reply, asked, effect->is_allowed ? "OK" : "ERR");
    if (effect->is_allowed)
        add_allowed(reply, effect);
    else
        helper_reply_pair(reply, "message",
                          effect->reason.length > 0 ? effect->reason : text_of("denied"));
    helper_reply_pair(reply, "kind_", text_of(policy_kind_name(query->kind)));
    if (query->repository.length > 0)
        helper_reply_pair(reply, "repository_", query->repository);
    add_line(reply, effect);
    for (int i = 0; i < effect->note_count; i++)
        helper_reply_pair(reply, effect->notes[i].key, effect->notes[i].value);
}
