/* SPDX-License-Identifier: Apache-2.0 */
/* The report in the text format of Prometheus. */
#include "mod_replica/status_page.h"

#include <apr_strings.h>

#include "libreplica/format/snapshot_history.h"

/* Of one repository: false if there is nothing to say. */
typedef bool metric_value(int64_t *value, const struct repository_report *repository,
                          apr_time_t now);

struct metric {
    const char *name;
    const char *help;
    metric_value *value;
};

static bool known(int64_t *value, int64_t number)
{
    *value = number;
    return number >= 0;
}

static bool happened(int64_t *value, apr_time_t when)
{
    *value = apr_time_sec(when);
    return when > 0;
}

static bool get_revision(int64_t *value, const struct repository_report *repository,
                         apr_time_t now)
{
    return known(value, repository->revision);
}

static bool get_published(int64_t *value, const struct repository_report *repository,
                          apr_time_t now)
{
    return happened(value, repository->published);
}

static bool get_upstream_revision(int64_t *value,
                                  const struct repository_report *repository,
                                  apr_time_t now)
{
    return known(value, repository->upstream_revision);
}

static bool get_age(int64_t *value, const struct repository_report *repository,
                    apr_time_t now)
{
    return known(value, repository_report_age(repository, now));
}

static bool get_lag(int64_t *value, const struct repository_report *repository,
                    apr_time_t now)
{
    return known(value, repository_report_lag(repository, now));
}

static bool get_last_snapshot(int64_t *value, const struct repository_report *repository,
                              apr_time_t now)
{
    return happened(value, repository->last_snapshot);
}

static bool get_last_attempt(int64_t *value, const struct repository_report *repository,
                             apr_time_t now)
{
    return happened(value, repository->last_attempt);
}

static bool get_is_failing(int64_t *value, const struct repository_report *repository,
                           apr_time_t now)
{
    *value = repository->last_error != NULL;
    return repository->last_attempt > 0;
}

static bool get_is_running(int64_t *value, const struct repository_report *repository,
                           apr_time_t now)
{
    *value = repository->running_since > 0;
    return true;
}

static const struct snapshot_record *last_run(const struct repository_report *repository)
{
    const apr_array_header_t *history = repository->history;

    return history->nelts > 0
               ? &APR_ARRAY_IDX(history, history->nelts - 1, struct snapshot_record)
               : NULL;
}

static bool get_last_seconds(int64_t *value, const struct repository_report *repository,
                             apr_time_t now)
{
    const struct snapshot_record *run = last_run(repository);

    return run != NULL && known(value, apr_time_sec(run->ended - run->started));
}

static bool get_last_bytes(int64_t *value, const struct repository_report *repository,
                           apr_time_t now)
{
    const struct snapshot_record *run = last_run(repository);

    return run != NULL && known(value, run->bytes);
}

static bool get_whitelist(int64_t *value, const struct repository_report *repository,
                          apr_time_t now)
{
    return happened(value, repository->whitelist_expires);
}

static bool get_last_gc(int64_t *value, const struct repository_report *repository,
                        apr_time_t now)
{
    return happened(value, repository->last_gc);
}

static bool get_last_check(int64_t *value, const struct repository_report *repository,
                           apr_time_t now)
{
    return happened(value, repository->last_check);
}

static bool get_check_failed(int64_t *value, const struct repository_report *repository,
                             apr_time_t now)
{
    *value = repository->check_failed;
    return repository->last_check > 0;
}

static bool get_last_scrub(int64_t *value, const struct repository_report *repository,
                           apr_time_t now)
{
    return happened(value, repository->last_scrub);
}

static bool get_scrub_percent(int64_t *value, const struct repository_report *repository,
                              apr_time_t now)
{
    return known(value, repository->scrub_percent);
}

static bool get_scrub_objects(int64_t *value, const struct repository_report *repository,
                              apr_time_t now)
{
    return known(value, repository->scrub.objects);
}

static bool get_scrub_bytes(int64_t *value, const struct repository_report *repository,
                            apr_time_t now)
{
    return known(value, repository->scrub.bytes);
}

static bool get_corrupt(int64_t *value, const struct repository_report *repository,
                        apr_time_t now)
{
    return known(value, repository->scrub.corrupt);
}

static bool get_missing(int64_t *value, const struct repository_report *repository,
                        apr_time_t now)
{
    return known(value, repository->scrub.missing);
}

static bool get_repaired(int64_t *value, const struct repository_report *repository,
                         apr_time_t now)
{
    return known(value, repository->scrub.repaired);
}

static bool get_open(int64_t *value, const struct repository_report *repository,
                     apr_time_t now)
{
    return known(value, repository->scrub_open);
}

static bool get_problem(int64_t *value, const struct repository_report *repository,
                        apr_time_t now)
{
    *value = repository->problem != NULL;
    return true;
}

static bool get_days_left(int64_t *value, const struct repository_report *repository,
                          apr_time_t now)
{
    return known(value, repository_report_days_left(repository, now));
}

static bool get_unsigned(int64_t *value, const struct repository_report *repository,
                         apr_time_t now)
{
    *value = repository->signing_error != NULL;
    return repository->kind == REPOSITORY_STRATUM0;
}

static const struct metric metrics[] = {
    {"replica_repository_revision", "Revision that is served.", get_revision},
    {"replica_repository_published_timestamp_seconds", "When it was published.",
     get_published},
    {"replica_repository_upstream_revision", "Revision of the upstream, as last seen.",
     get_upstream_revision},
    {"replica_repository_age_seconds", "Time since the last good snapshot.", get_age},
    {"replica_repository_lag_seconds",
     "Time since the upstream published what is not served yet; 0 if nothing is missing.",
     get_lag},
    {"replica_repository_last_snapshot_timestamp_seconds",
     "When the last good snapshot ended.", get_last_snapshot},
    {"replica_repository_last_attempt_timestamp_seconds",
     "When the last snapshot ended, good or not.", get_last_attempt},
    {"replica_repository_failing", "1 if the last snapshot failed.", get_is_failing},
    {"replica_repository_running", "1 while a snapshot is under way.", get_is_running},
    {"replica_repository_last_run_seconds",
     "How long the last snapshot took that brought or missed something.",
     get_last_seconds},
    {"replica_repository_last_run_bytes", "What it fetched.", get_last_bytes},
    {"replica_repository_whitelist_expiry_timestamp_seconds",
     "When the whitelist expires.", get_whitelist},
    {"replica_repository_whitelist_days_left", "Whole days until then.", get_days_left},
    {"replica_repository_signing_failing",
     "1 if the whitelist should be signed anew and cannot be.", get_unsigned},
    {"replica_repository_last_gc_timestamp_seconds", "When garbage was last collected.",
     get_last_gc},
    {"replica_repository_last_check_timestamp_seconds",
     "When the repository was last checked.", get_last_check},
    {"replica_repository_check_failed", "1 if that check found something.",
     get_check_failed},
    {"replica_repository_last_scrub_timestamp_seconds",
     "When the whole store was last read and verified.", get_last_scrub},
    {"replica_repository_scrub_percent", "How far the scrub under way is.",
     get_scrub_percent},
    {"replica_repository_scrub_objects", "Objects read by scrubs since ever.",
     get_scrub_objects},
    {"replica_repository_scrub_bytes", "Bytes read by them.", get_scrub_bytes},
    {"replica_repository_corrupt_objects_found",
     "Objects that scrubs found damaged since ever.", get_corrupt},
    {"replica_repository_missing_objects_found",
     "Objects found missing, by scrubs or because clients asked for them.", get_missing},
    {"replica_repository_objects_repaired", "Objects that were fetched again.",
     get_repaired},
    {"replica_repository_damaged_objects",
     "Objects that are damaged or missing and could not be fetched yet.", get_open},
    {"replica_repository_out_of_service",
     "1 if the configuration or the manifest cannot be read.", get_problem},
};

static void add_head(struct text_builder *text, const char *name, const char *help)
{
    text_builder_add(text, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void add_number(struct text_builder *text, const char *name, const char *help,
                       int64_t number)
{
    add_head(text, name, help);
    text_builder_add(text, "%s %" APR_INT64_T_FMT "\n", name, (apr_int64_t)number);
}

static void add_metric(struct text_builder *text, const struct metric *metric,
                       const struct server_report *report)
{
    add_head(text, metric->name, metric->help);
    for (int i = 0; i < report->repositories->nelts; i++) {
        const struct repository_report *repository =
            &APR_ARRAY_IDX(report->repositories, i, struct repository_report);
        int64_t value;

        /* Local names need no escaping. */
        if (metric->value(&value, repository, report->now))
            text_builder_add(text, "%s{repository=\"%s\"} %" APR_INT64_T_FMT "\n",
                             metric->name, repository->local_name, (apr_int64_t)value);
    }
}

/* A label's value: the format escapes three characters. */
static const char *label_of(const char *value, apr_pool_t *pool)
{
    char *label = apr_palloc(pool, 2 * strlen(value) + 1), *end = label;

    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            *end++ = '\\';
        *end++ = (char)(*value == '\n' ? 'n' : *value);
    }
    *end = '\0';
    return label;
}

static int64_t is_connected(const struct event_source_report *source)
{
    return source->connected_since > 0;
}

static int64_t when_connected(const struct event_source_report *source)
{
    return apr_time_sec(source->connected_since);
}

static int64_t last_event(const struct event_source_report *source)
{
    return apr_time_sec(source->last_event);
}

static int64_t retries(const struct event_source_report *source)
{
    return source->retries;
}

static const struct {
    const char *name, *help;
    int64_t (*value)(const struct event_source_report *source);
} source_metrics[] = {
    {"replica_event_source_connected", "1 if its events are followed now.", is_connected},
    {"replica_event_source_connected_timestamp_seconds", "Since when; 0 if not.",
     when_connected},
    {"replica_event_source_last_event_timestamp_seconds",
     "When it last told of anything; 0 if it never did.", last_event},
    {"replica_event_source_retries", "Connections that ended or could not be made.",
     retries},
};

static void add_event_sources(struct text_builder *text,
                              const struct server_report *report)
{
    if (report->event_sources->nelts == 0)
        return;
    for (size_t m = 0; m < sizeof(source_metrics) / sizeof(*source_metrics); m++) {
        add_head(text, source_metrics[m].name, source_metrics[m].help);
        for (int i = 0; i < report->event_sources->nelts; i++) {
            const struct event_source_report *source =
                &APR_ARRAY_IDX(report->event_sources, i, struct event_source_report);

            text_builder_add(text, "%s{source=\"%s\"} %" APR_INT64_T_FMT "\n",
                             source_metrics[m].name, label_of(source->url, text->pool),
                             (apr_int64_t)source_metrics[m].value(source));
        }
    }
}

static void add_server(struct text_builder *text, const struct server_report *report)
{
    if (report->total_bytes > 0) {
        add_number(text, "replica_storage_size_bytes",
                   "Size of the storage's file system.", report->total_bytes);
        add_number(text, "replica_storage_free_bytes", "What is free of it.",
                   report->free_bytes);
        add_number(text, "replica_storage_free_inodes", "Files that fit into it.",
                   report->free_inodes);
    }
    add_number(text, "replica_geo_database_present", "1 if there is a geo database.",
               report->geo.is_there);
    if (report->geo.is_there) {
        add_number(text, "replica_geo_database_written_timestamp_seconds",
                   "When its oldest file was installed.", report->geo.written);
        add_number(text, "replica_geo_database_build_timestamp_seconds",
                   "When it was built; 0 if it cannot be used.", report->geo.build_epoch);
        add_number(text, "replica_geo_database_days_left",
                   "Whole days until it should have been replaced.",
                   server_report_geo_days_left(report));
    }
    add_number(text, "replica_waiting_repositories",
               "Repositories that are due and wait for their turn.", report->waiting);
    if (report->daemon_reported > 0)
        add_number(text, "replica_daemon_reported_timestamp_seconds",
                   "When snapshotd last had news.",
                   apr_time_sec(report->daemon_reported));
}

const char *status_metrics_write(const struct server_report *report, apr_pool_t *pool)
{
    struct text_builder text = text_builder_create(pool);

    add_server(&text, report);
    add_event_sources(&text, report);
    for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++)
        add_metric(&text, &metrics[i], report);
    return text_builder_text(&text);
}
