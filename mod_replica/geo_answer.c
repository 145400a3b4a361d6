/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the geo API and its answer. */
#include "mod_replica/geo_answer.h"

#include <string.h>

#include "libreplica/base/clock.h"

int geo_answer_host_count(const struct geo_request *request)
{
    return request->separator >= 0 ? request->separator : request->count;
}

/* QUERIES are for the names that a content delivery network's customers give their real
 * addresses: "ip." in front of each host. An address has no such name. */
static void name_behind_cdn(struct locator_query *queries,
                            const struct geo_request *request, apr_pool_t *pool)
{
    static const char prefix[] = {'i', 'p', '.'};
    int count = geo_answer_host_count(request);
    size_t size = 0;
    char *at;

    for (int i = 0; i < count; i++)
        size += sizeof(prefix) + request->elements[i].length;
    at = apr_palloc(pool, size);
    for (int i = 0; i < count; i++) {
        const struct text element = request->elements[i];
        struct geo_address address;

        if (element.length == 0 || geo_address_parse(&address, element))
            continue;
        queries[i].name = (struct text){at, sizeof(prefix) + element.length};
        memcpy(at, prefix, sizeof(prefix));
        memcpy(at + sizeof(prefix), element.bytes, element.length);
        at += queries[i].name.length;
    }
}

/* All names that the answer depends on, in one array. */
static struct locator_query *make_queries(int *count, struct geo_answer *answer,
                                          bool is_behind_cdn, bool asks_caching_string,
                                          const struct geo_request *request,
                                          apr_pool_t *pool)
{
    int hosts = is_behind_cdn ? geo_answer_host_count(request) : 0;
    size_t size = sizeof(struct locator_query);
    struct locator_query *queries =
        apr_pcalloc(pool, size * (size_t)(request->count + hosts + 1));

    for (int i = 0; i < request->count; i++)
        queries[i].name = request->elements[i];
    /* No host has the separator's name. */
    if (request->separator >= 0)
        queries[request->separator].name.length = 0;
    *count = request->count;
    answer->elements = queries;
    if (is_behind_cdn) {
        answer->behind_cdn = queries + *count;
        name_behind_cdn(queries + *count, request, pool);
        *count += hosts;
    }
    if (asks_caching_string) {
        queries[*count].name = request->caching_string;
        answer->caching = &queries[*count];
        *count += 1;
    }
    return queries;
}

static void take_places(struct geo_answer *answer, const struct geo_request *request,
                        apr_pool_t *pool)
{
    int hosts = geo_answer_host_count(request);
    struct geo_place *places = apr_palloc(pool, sizeof(*places) * (size_t)request->count);

    for (int i = 0; i < request->count; i++) {
        places[i] = answer->elements[i].place;
        if (answer->behind_cdn != NULL && i < hosts &&
            answer->behind_cdn[i].place.is_known)
            places[i] = answer->behind_cdn[i].place;
    }
    answer->places = places;
}

static bool is_any_late(const struct locator_query *queries, int count)
{
    for (int i = 0; i < count; i++)
        if (queries[i].source == LOCATOR_LATE)
            return true;
    return false;
}

void geo_answer_find(struct geo_answer *answer, request_rec *r,
                     const struct geo_config *geo, const struct geo_database *database,
                     const struct geo_request *request, const struct text *asked,
                     apr_array_header_t *tried)
{
    bool is_behind_cdn = geo_origin_is_behind_cdn(r, geo);
    bool asks_caching_string =
        geo_origin_is_name(request->caching_string, geo->resolves_single_labels);
    struct locator_query *queries;
    int count;

    *answer = (struct geo_answer){NULL};
    queries = make_queries(&count, answer, is_behind_cdn, asks_caching_string, request,
                           r->pool);
    locator_find(geo->locator, database, queries, count, clock_now() + geo->budget,
                 r->pool);
    answer->is_late = is_any_late(queries, count);
    take_places(answer, request, r->pool);
    if (!geo_origin_find(&answer->origin, r, geo, database, answer->caching, asked,
                         tried)) {
        answer->failure = "remote addr not found in database";
        return;
    }
    answer->positions =
        apr_palloc(r->pool, sizeof(*answer->positions) * (size_t)request->count);
    if (!geo_order(answer->positions, &answer->sorted_by, answer->places, request->count,
                   request->separator, answer->origin.place.point))
        answer->failure = "no server addr found in database";
}

static char *write_number(char *at, unsigned int number)
{
    char digits[10];
    int count = 0;

    do
        digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

struct text geo_answer_format(const int *positions, int count, apr_pool_t *pool)
{
    size_t width = 2; /* of the largest number and its comma */
    char *bytes, *at;

    for (int limit = count; limit >= 10; limit /= 10)
        width++;
    at = bytes = apr_palloc(pool, width * (size_t)count);
    for (int i = 0; i < count; i++) {
        at = write_number(at, (unsigned int)positions[i]);
        *at++ = i + 1 < count ? ',' : '\n';
    }
    return (struct text){bytes, (size_t)(at - bytes)};
}
