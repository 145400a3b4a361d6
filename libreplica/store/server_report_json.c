/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON. */
#include "libreplica/store/server_report.h"

#include <stdlib.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/base/date.h"
#include "libreplica/format/snapshot_history.h"

/* Nothing is written for what is not known: there are no nulls. */
static void add_date(json_t *object, const char *key, apr_time_t when)
{
    char date[DATE_UTC_SIZE];

    if (when <= 0)
        return;
    date_format_iso(date, when);
    json_object_set_new(object, key, json_string(date));
}

static void add_number(json_t *object, const char *key, int64_t number)
{
    if (number >= 0)
        json_object_set_new(object, key, json_integer(number));
}

static void add_text(json_t *object, const char *key, const char *text, apr_pool_t *pool)
{
    if (text != NULL)
        json_object_set_new(object, key,
                            json_string(text_for_people(text_of(text), 1024, pool)));
}

static json_t *describe_history(const apr_array_header_t *history)
{
    json_t *runs = json_array();

    for (int i = 0; i < history->nelts; i++) {
        const struct snapshot_record *record =
            &APR_ARRAY_IDX(history, i, struct snapshot_record);
        json_t *run = json_object();

        add_date(run, "started", record->started);
        add_date(run, "ended", record->ended);
        add_number(run, "revision", record->revision);
        add_number(run, "objects", record->objects);
        add_number(run, "bytes", record->bytes);
        json_object_set_new(run, "result", json_string(record->result));
        json_array_append_new(runs, run);
    }
    return runs;
}

static json_t *describe_upstreams(const apr_array_header_t *upstreams, apr_pool_t *pool)
{
    json_t *list = json_array();

    for (int i = 0; i < upstreams->nelts; i++) {
        const struct upstream_report *upstream =
            &APR_ARRAY_IDX(upstreams, i, struct upstream_report);
        json_t *object = json_object();

        add_text(object, "url", upstream->url, pool);
        add_number(object, "revision", upstream->revision);
        json_object_set_new(object, "healthy", json_boolean(upstream->is_healthy));
        add_text(object, "error", upstream->error, pool);
        json_array_append_new(list, object);
    }
    return list;
}

static const char *kind_of(const struct repository_report *repository)
{
    if (repository->kind != REPOSITORY_STRATUM1)
        return "stratum0";
    return repository->is_pass_through ? "pass-through" : "stratum1";
}

static json_t *describe_running(const struct repository_report *repository)
{
    json_t *running = json_object();

    add_date(running, "since", repository->running_since);
    add_number(running, "objects", repository->running_objects);
    add_number(running, "bytes", repository->running_bytes);
    return running;
}

static json_t *describe_scrub(const struct repository_report *repository)
{
    const struct scrub_counters *round = &repository->scrub_round;
    const struct scrub_counters *total = &repository->scrub;
    json_t *scrub = json_object();

    add_date(scrub, "last_round", repository->last_scrub);
    add_number(scrub, "percent", repository->scrub_percent);
    add_number(scrub, "objects", round->objects);
    add_number(scrub, "bytes", round->bytes);
    add_number(scrub, "corrupt", round->corrupt);
    add_number(scrub, "missing", round->missing);
    add_number(scrub, "repaired", round->repaired);
    add_number(scrub, "corrupt_total", total->corrupt);
    add_number(scrub, "missing_total", total->missing);
    add_number(scrub, "repaired_total", total->repaired);
    add_number(scrub, "open", repository->scrub_open);
    return scrub;
}

static json_t *describe_repository(const struct repository_report *repository,
                                   apr_time_t now, apr_pool_t *pool)
{
    json_t *object = json_object();

    add_text(object, "name", repository->local_name, pool);
    add_text(object, "fqrn", repository->fqrn, pool);
    add_text(object, "kind", kind_of(repository), pool);
    add_text(object, "state",
             repository_state_name(repository_report_state(repository, now)), pool);
    if (repository->is_partial)
        json_object_set_new(object, "is_partial", json_true());
    add_text(object, "problem", repository->problem, pool);
    add_number(object, "revision", repository->revision);
    add_date(object, "published", repository->published);
    add_number(object, "age_seconds", repository_report_age(repository, now));
    add_number(object, "lag_seconds", repository_report_lag(repository, now));
    add_number(object, "upstream_revision", repository->upstream_revision);
    if (repository->upstreams->nelts > 0)
        json_object_set_new(object, "upstreams",
                            describe_upstreams(repository->upstreams, pool));
    add_date(object, "last_snapshot", repository->last_snapshot);
    add_date(object, "last_attempt", repository->last_attempt);
    add_text(object, "last_error", repository->last_error, pool);
    add_date(object, "next_snapshot", repository->next_snapshot);
    if (repository->place > 0)
        add_number(object, "place", repository->place);
    if (repository->running_since != 0)
        json_object_set_new(object, "running", describe_running(repository));
    add_date(object, "whitelist_expires", repository->whitelist_expires);
    add_number(object, "whitelist_days_left",
               repository_report_days_left(repository, now));
    add_text(object, "signing_error", repository->signing_error, pool);
    add_date(object, "last_gc", repository->last_gc);
    add_date(object, "last_check", repository->last_check);
    if (repository->last_check != 0)
        json_object_set_new(object, "check_failed",
                            json_boolean(repository->check_failed));
    json_object_set_new(object, "scrub", describe_scrub(repository));
    json_object_set_new(object, "history", describe_history(repository->history));
    return object;
}

static json_t *describe_storage(const struct server_report *report, apr_pool_t *pool)
{
    json_t *object = json_object();

    add_text(object, "directory", report->storage, pool);
    add_number(object, "total_bytes", report->total_bytes);
    add_number(object, "free_bytes", report->free_bytes);
    add_number(object, "free_inodes", report->free_inodes);
    return object;
}

static json_t *describe_geo(const struct server_report *report, apr_pool_t *pool)
{
    json_t *object = json_object();

    json_object_set_new(object, "is_there", json_boolean(report->geo.is_there));
    if (report->geo.is_there) {
        add_date(object, "written", apr_time_from_sec(report->geo.written));
        add_date(object, "built", apr_time_from_sec(report->geo.build_epoch));
        add_number(object, "days_left", server_report_geo_days_left(report));
    }
    add_text(object, "last_error", report->geo_error, pool);
    return object;
}

static json_t *describe_event_sources(const struct server_report *report,
                                      apr_pool_t *pool)
{
    json_t *list = json_array();

    for (int i = 0; i < report->event_sources->nelts; i++) {
        const struct event_source_report *source =
            &APR_ARRAY_IDX(report->event_sources, i, struct event_source_report);
        json_t *object = json_object();

        add_text(object, "url", source->url, pool);
        add_text(object, "stream", source->is_strict ? "strict" : "extended", pool);
        add_number(object, "repositories", source->repositories);
        add_number(object, "streams", source->streams);
        add_number(object, "connected", source->connected);
        add_date(object, "connected_since", source->connected_since);
        add_date(object, "last_event", source->last_event);
        add_number(object, "events", source->events);
        add_number(object, "retries", source->retries);
        add_text(object, "error", source->error, pool);
        json_array_append_new(list, object);
    }
    return list;
}

const char *server_report_json(const struct server_report *report, apr_pool_t *pool)
{
    json_t *root = json_object(), *repositories = json_array();
    const char *copy = NULL;
    char *text;

    add_date(root, "now", report->now);
    add_date(root, "daemon_reported", report->daemon_reported);
    add_number(root, "waiting", report->waiting);
    json_object_set_new(root, "storage", describe_storage(report, pool));
    json_object_set_new(root, "geo_database", describe_geo(report, pool));
    json_object_set_new(root, "event_sources", describe_event_sources(report, pool));
    for (int i = 0; i < report->repositories->nelts; i++)
        json_array_append_new(
            repositories, describe_repository(&APR_ARRAY_IDX(report->repositories, i,
                                                             struct repository_report),
                                              report->now, pool));
    json_object_set_new(root, "repositories", repositories);
    text = json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    json_decref(root);
    if (text != NULL)
        copy = apr_pstrcat(pool, text, "\n", NULL);
    free(text);
    return copy;
}
