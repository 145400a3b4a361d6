/* SPDX-License-Identifier: Apache-2.0 */
/* Why the geo API answers what it answers. */
#include "mod_replica/geo_explanation.h"

#include <stdarg.h>
#include <string.h>
#include <apr_strings.h>

#define EARTH_RADIUS_KM 6371.0
#define NAME_LIMIT      256

/* Lines that are joined at the end. */
struct page {
    apr_array_header_t *lines; /* const char * */
    apr_pool_t *pool;
};

__attribute__((format(printf, 2, 3))) static void add(const struct page *page,
                                                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    APR_ARRAY_PUSH(page->lines, const char *) =
        apr_pvsprintf(page->pool, format, arguments);
    va_end(arguments);
}

static const char *show(struct text text, const struct page *page)
{
    return text.length > 0 ? text_for_people(text, NAME_LIMIT, page->pool) : "(empty)";
}

static void add_answer(const struct page *page, const struct geo_answer *answer,
                       const struct geo_request *request)
{
    struct text line;

    if (answer->failure != NULL) {
        add(page, "answer: 400 %s\n", answer->failure);
        return;
    }
    line = geo_answer_format(answer->positions, request->count, page->pool);
    add(page, "answer: %.*s", (int)line.length, line.bytes);
}

/* The address that a located caching string has; other origins are addresses. */
static const char *address_of_origin(const struct geo_answer *answer,
                                     const struct page *page)
{
    char text[GEO_ADDRESS_TEXT_SIZE];

    if (answer->caching == NULL || !answer->caching->place.is_known)
        return "";
    return apr_pstrcat(page->pool, " ",
                       geo_address_format(text, &answer->caching->address), NULL);
}

static void add_origin(const struct page *page, const struct geo_answer *answer,
                       const struct geo_request *request, const apr_array_header_t *tried)
{
    const struct geo_origin *origin = &answer->origin;

    if (answer->positions == NULL)
        add(page, "origin: none\n");
    else
        add(page, "origin: %s %s%s, at %.4f %.4f\n", origin->source,
            show(origin->text, page), address_of_origin(answer, page),
            origin->place.point.latitude, origin->place.point.longitude);
    if (answer->caching == NULL)
        add(page, "  not used: caching string %s: not a name with a dot\n",
            show(request->caching_string, page));
    for (int i = 0; i < tried->nelts; i++) {
        const struct geo_origin *other = &APR_ARRAY_IDX(tried, i, struct geo_origin);

        add(page, "  not used: %s %s: %s\n", other->source, show(other->text, page),
            other->reason);
    }
}

static const char *describe_source(enum locator_source source)
{
    static const char *const words[] = {
        [LOCATOR_NOTHING] = "no name",
        [LOCATOR_LITERAL] = "address",
        [LOCATOR_CACHE] = "name, cached",
        [LOCATOR_LOOKUP] = "name, looked up",
        [LOCATOR_LATE] = "name, no answer in time",
    };

    return words[source];
}

/* One name: what is known of it, and how far it is from POINT (NULL: from nowhere). */
static void add_name(const struct page *page, const char *label,
                     const struct locator_query *query, const struct geo_point *point)
{
    char address[GEO_ADDRESS_TEXT_SIZE];
    double distance;

    add(page, "%s %s: %s", label, show(query->name, page),
        describe_source(query->source));
    if (query->address.family != 0)
        add(page, ", %s", geo_address_format(address, &query->address));
    if (!query->place.is_known) {
        add(page, ", unknown\n");
        return;
    }
    add(page, ", at %.4f %.4f", query->place.point.latitude,
        query->place.point.longitude);
    if (point != NULL) {
        distance = geo_distance(*point, query->place.point);
        add(page, ", %.8f rad, %.0f km", distance, distance * EARTH_RADIUS_KM);
    }
    add(page, "\n");
}

static void add_element(const struct page *page, const struct geo_answer *answer,
                        const struct geo_request *request, int index)
{
    bool is_host = index < geo_answer_host_count(request);
    const char *label =
        apr_psprintf(page->pool, "  %d %s", index + 1, is_host ? "host" : "proxy");
    const struct geo_point *point =
        is_host ? &answer->sorted_by : &answer->origin.place.point;

    if (index == request->separator) {
        add(page, "  %d separator\n", index + 1);
        return;
    }
    if (answer->positions == NULL)
        point = NULL;
    if (is_host && answer->behind_cdn != NULL &&
        answer->behind_cdn[index].name.length > 0)
        add_name(page, label, &answer->behind_cdn[index], point);
    add_name(page, label, &answer->elements[index], point);
}

static void add_elements(const struct page *page, const struct geo_answer *answer,
                         const struct geo_request *request)
{
    add(page, "names, %s:\n",
        answer->positions != NULL ? "nearest first" : "as they were sent");
    for (int i = 0; i < request->count; i++)
        add_element(page, answer, request,
                    answer->positions != NULL ? answer->positions[i] - 1 : i);
    if (answer->positions != NULL && request->separator >= 0)
        add(page, "hosts are sorted by their distance from %.4f %.4f\n",
            answer->sorted_by.latitude, answer->sorted_by.longitude);
}

static void add_database(const struct page *page, const struct geo_config *geo,
                         const struct geo_database *database)
{
    const apr_array_header_t *paths = geo->locator_options.databases;
    apr_time_t built = apr_time_from_sec(geo_database_build_epoch(database));
    char date[APR_RFC822_DATE_LEN];

    apr_rfc822_date(date, built);
    add(page, "database, built %s%s:\n", date,
        paths->nelts > 1 ? " (the oldest file)" : "");
    for (int i = 0; i < paths->nelts; i++)
        add(page, "  %s\n", APR_ARRAY_IDX(paths, i, const char *));
}

struct text geo_explanation_write(const struct geo_answer *answer,
                                  const struct geo_request *request,
                                  const struct geo_config *geo,
                                  const struct geo_database *database,
                                  const apr_array_header_t *tried, apr_pool_t *pool)
{
    const struct page page = {apr_array_make(pool, 64, sizeof(const char *)), pool};

    add_answer(&page, answer, request);
    add(&page, "kept for: %s\n",
        answer->is_late           ? "1 minute, as names came too late"
        : answer->failure != NULL ? "5 minutes"
                                  : "1 hour");
    add_origin(&page, answer, request, tried);
    add_elements(&page, answer, request);
    add_database(&page, geo, database);
    return text_of(apr_array_pstrcat(pool, page.lines, '\0'));
}
