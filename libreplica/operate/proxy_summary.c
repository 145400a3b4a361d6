/* SPDX-License-Identifier: Apache-2.0 */
/* What logs of Squid say, in numbers. */
#include "libreplica/operate/proxy_summary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

/* A log that is being read. */
struct reading {
    struct proxy_summary *summary;
    const char *name;
    int64_t number;   /* of its lines */
    bool is_skipping; /* to the end of a line that is too long */
    size_t used;
    char bytes[PROXY_LINE_SIZE_MAX];
    char buffer[PROXY_LINE_SIZE_MAX];
};

struct proxy_summary *proxy_summary_create(apr_pool_t *pool)
{
    struct proxy_summary *summary = apr_pcalloc(pool, sizeof(*summary));

    summary->pool = pool;
    summary->repositories.counts = apr_hash_make(pool);
    summary->rules.counts = apr_hash_make(pool);
    return summary;
}

static void count_request(struct proxy_count *count, const struct proxy_log_line *line)
{
    count->requests++;
    count->hits += line->is_hit;
    count->denied += line->is_denied;
    count->failed += line->status >= 500;
    count->bytes += line->bytes;
    count->hit_bytes += line->is_hit ? line->bytes : 0;
}

static struct proxy_count *count_of(struct proxy_names *names, struct text name,
                                    apr_pool_t *pool)
{
    struct proxy_named_count *named;

    if (name.length == 0)
        return &names->none;
    named = apr_hash_get(names->counts, name.bytes, (apr_ssize_t)name.length);
    if (named != NULL)
        return &named->count;
    if (apr_hash_count(names->counts) >= PROXY_NAMES_MAX ||
        name.length > PROXY_RULE_LENGTH_MAX)
        return &names->others;
    named = apr_pcalloc(pool, sizeof(*named));
    named->name = apr_pstrmemdup(pool, name.bytes, name.length);
    apr_hash_set(names->counts, named->name, (apr_ssize_t)name.length, named);
    return &named->count;
}

static void keep_time(struct proxy_summary *summary, struct text time)
{
    char *to = *summary->first == '\0' ? summary->first : summary->last;
    size_t length = time.length < PROXY_TIME_SIZE - 1 ? time.length : PROXY_TIME_SIZE - 1;

    for (size_t i = 0; i < length; i++)
        to[i] =
            (char)(time.bytes[i] >= ' ' && time.bytes[i] <= '~' ? time.bytes[i] : '?');
    to[length] = '\0';
    if (to == summary->first)
        memcpy(summary->last, summary->first, PROXY_TIME_SIZE);
}

static void add_line(struct proxy_summary *summary, const struct proxy_log_line *line)
{
    keep_time(summary, line->time);
    if (!line->is_request) {
        summary->empty_connections++;
        return;
    }
    summary->shared += line->store_id.length > 0;
    summary->rewritten += line->rewrite.length > 0;
    count_request(&summary->all, line);
    count_request(&summary->kinds[line->kind], line);
    count_request(count_of(&summary->repositories, line->repository, summary->pool),
                  line);
    count_request(count_of(&summary->rules, line->rule, summary->pool), line);
}

static void note_bad(struct reading *reading, const char *reason)
{
    struct proxy_summary *summary = reading->summary;

    if (summary->bad_lines++ == 0)
        snprintf(summary->first_bad, sizeof(summary->first_bad), "%s:%lld: %s",
                 reading->name, (long long)reading->number, reason);
}

static void take_line(struct reading *reading, struct text text)
{
    struct proxy_log_line line;
    struct error error;

    reading->number++;
    reading->summary->lines++;
    if (reading->is_skipping)
        note_bad(reading, "the line is too long");
    else if (proxy_log_parse(&line, text, reading->buffer, &error))
        add_line(reading->summary, &line);
    else
        note_bad(reading, error.message);
    reading->is_skipping = false;
}

/* Deal with the whole lines that have been read. */
static void take_lines(struct reading *reading)
{
    struct text rest = {reading->bytes, reading->used}, line;

    while (text_next_line(&rest, &line))
        take_line(reading, line);
    if (rest.length == sizeof(reading->bytes)) {
        reading->is_skipping = true;
        rest.length = 0;
    }
    memmove(reading->bytes, rest.bytes, rest.length);
    reading->used = rest.length;
}

static bool read_all(struct reading *reading, int descriptor, const volatile int *stop,
                     struct error *error)
{
    while (!*stop) {
        ssize_t length = read(descriptor, reading->bytes + reading->used,
                              sizeof(reading->bytes) - reading->used);

        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set_errno(error, errno, "%s", reading->name);
        if (length == 0)
            break;
        reading->used += (size_t)length;
        take_lines(reading);
    }
    if (!*stop && (reading->used > 0 || reading->is_skipping))
        take_line(reading, (struct text){reading->bytes, reading->used});
    return true;
}

bool proxy_summary_read(struct proxy_summary *summary, int descriptor, const char *name,
                        const volatile int *stop, struct error *error)
{
    struct reading *reading = malloc(sizeof(*reading));
    bool is_read;

    if (reading == NULL)
        return error_set(error, ERROR_IO, "%s: no memory to read it", name);
    reading->summary = summary;
    reading->name = name;
    reading->number = 0;
    reading->is_skipping = false;
    reading->used = 0;
    is_read = read_all(reading, descriptor, stop, error);
    free(reading);
    return is_read;
}

static int compare(int64_t one, int64_t other)
{
    return one > other ? -1 : one < other;
}

static int compare_bytes(const void *one, const void *other)
{
    const struct proxy_named_count *a = *(const struct proxy_named_count *const *)one;
    const struct proxy_named_count *b = *(const struct proxy_named_count *const *)other;
    int order = compare(a->count.bytes, b->count.bytes);

    if (order == 0)
        order = compare(a->count.requests, b->count.requests);
    return order != 0 ? order : strcmp(a->name, b->name);
}

static int compare_denied(const void *one, const void *other)
{
    const struct proxy_named_count *a = *(const struct proxy_named_count *const *)one;
    const struct proxy_named_count *b = *(const struct proxy_named_count *const *)other;
    int order = compare(a->count.denied, b->count.denied);

    return order != 0 ? order : compare_bytes(one, other);
}

apr_array_header_t *proxy_names_list(const struct proxy_names *names, bool denied_first,
                                     apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, (int)apr_hash_count(names->counts),
                                              sizeof(struct proxy_named_count *));

    for (apr_hash_index_t *i = apr_hash_first(pool, names->counts); i != NULL;
         i = apr_hash_next(i))
        APR_ARRAY_PUSH(list, const struct proxy_named_count *) = apr_hash_this_val(i);
    if (list->nelts > 0)
        qsort(list->elts, (size_t)list->nelts, (size_t)list->elt_size,
              denied_first ? compare_denied : compare_bytes);
    return list;
}
