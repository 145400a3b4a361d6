/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a server's files say of its state. */
#include "libreplica/store/server_report.h"

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/base/date.h"
#include "libreplica/base/human.h"
#include "libreplica/format/manifest.h"
#include "libreplica/format/snapshot_history.h"
#include "libreplica/format/whitelist.h"
#include "libreplica/store/file.h"
#include "libreplica/store/partial_replica.h"
#include "libreplica/store/store_read.h"

#define STATUS_NAME        ".cvmfs_status.json"
#define RUNNING_NAME       ".cvmfs_is_snapshotting"
#define STATUS_SIZE_MAX    (256 * 1024)
#define DAEMON_SIZE_MAX    (16 * 1024 * 1024)
#define DATE_FILE_SIZE_MAX 128
/* What monitors warn of. */
#define OLD_SECONDS (8 * 3600)
#define DAY_SECONDS (24 * 3600)
#define GEO_SECONDS (30 * DAY_SECONDS)

/* What the steps of a report share. */
struct reading {
    struct server_report *report;
    const struct settings *server;
    const char *confdir;
    json_t *daemon; /* <spool>/snapshotd.json, or an empty object */
    apr_pool_t *pool;
};

/* All of a small file; false if there is none, or it cannot be read. */
static bool read_named(struct text *content, const char *storage, const char *name,
                       int64_t limit, apr_pool_t *pool)
{
    struct store_read file;
    char *bytes;
    ssize_t count;

    if (!store_read_named(&file, storage, text_of(name), NULL))
        return false;
    if (file.size > limit) {
        close(file.fd);
        return false;
    }
    bytes = apr_palloc(pool, (apr_size_t)file.size);
    count = read(file.fd, bytes, (size_t)file.size);
    close(file.fd);
    *content = (struct text){bytes, count > 0 ? (size_t)count : 0};
    return count == file.size;
}

static json_t *parse_object(struct text content)
{
    json_t *root = json_loadb(content.bytes, content.length, 0, NULL);

    if (json_is_object(root))
        return root;
    json_decref(root);
    return json_object();
}

static const char *text_member(const json_t *object, const char *key, apr_pool_t *pool)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value != NULL ? apr_pstrdup(pool, value) : NULL;
}

typedef bool date_parser(apr_time_t *when, struct text text);

static apr_time_t date_member(const json_t *object, const char *key, date_parser *parse)
{
    const char *value = json_string_value(json_object_get(object, key));
    apr_time_t when = 0;

    if (value != NULL)
        parse(&when, text_of(value));
    return when;
}

/* A number that is written as a string, as all is in the status file. */
static int64_t number_member(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    int64_t number = -1;

    if (value != NULL)
        text_parse_number(&number, text_of(value));
    return number;
}

static void read_status_file(struct repository_report *repository, const char *storage,
                             apr_pool_t *pool)
{
    struct text content = {"", 0};
    const char *history;
    json_t *status;

    read_named(&content, storage, STATUS_NAME, STATUS_SIZE_MAX, pool);
    status = parse_object(content);
    repository->last_snapshot = date_member(status, "last_snapshot", date_parse_utc);
    repository->last_attempt = date_member(status, "last_attempt", date_parse_utc);
    repository->last_error = text_member(status, "last_error", pool);
    repository->last_gc = date_member(status, "last_gc", date_parse_utc);
    repository->last_check = date_member(status, "last_check", date_parse_utc);
    repository->check_failed =
        json_object_get(status, "check_status") != NULL &&
        strcmp(text_member(status, "check_status", pool), "failed") == 0;
    repository->upstream_revision = number_member(status, "upstream_revision");
    repository->upstream_published =
        apr_time_from_sec(number_member(status, "upstream_published"));
    history = text_member(status, "snapshot_history", pool);
    repository->history =
        snapshot_history_parse(text_of(history != NULL ? history : ""), pool);
    json_decref(status);
}

static void read_manifest(struct repository_report *repository, const char *storage,
                          apr_pool_t *pool)
{
    struct manifest *manifest;
    struct error error;
    struct text content;

    if (!read_named(&content, storage, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool))
        return;
    if (manifest_parse(&manifest, content, pool, &error)) {
        repository->revision = manifest->revision;
        repository->published = apr_time_from_sec(manifest->published_seconds);
    } else {
        repository->problem = apr_pstrcat(pool, MANIFEST_NAME ": ", error.message, NULL);
    }
}

static void read_whitelist(struct repository_report *repository, const char *storage,
                           apr_pool_t *parent)
{
    struct whitelist *whitelist;
    struct text content;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    if (read_named(&content, storage, WHITELIST_NAME, WHITELIST_SIZE_MAX, pool) &&
        whitelist_parse(&whitelist, content, pool, NULL))
        repository->whitelist_expires = whitelist->expires;
    apr_pool_destroy(pool);
}

static bool has_file(const char *storage, const char *name)
{
    struct store_read file;

    if (!store_read_named(&file, storage, text_of(name), NULL))
        return false;
    close(file.fd);
    return true;
}

static void read_tree(struct repository_report *repository, const char *storage,
                      apr_pool_t *pool)
{
    struct text content;

    read_status_file(repository, storage, pool);
    read_manifest(repository, storage, pool);
    read_whitelist(repository, storage, pool);
    repository->is_partial = has_file(storage, PARTIAL_RULES_NAME) ||
                             has_file(storage, PARTIAL_RULES_SECOND_NAME);
    if (read_named(&content, storage, RUNNING_NAME, DATE_FILE_SIZE_MAX, pool))
        date_parse_utc(&repository->running_since, content);
}

static const apr_array_header_t *read_upstreams(const json_t *list, apr_pool_t *pool)
{
    apr_array_header_t *upstreams =
        apr_array_make(pool, (int)json_array_size(list), sizeof(struct upstream_report));
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        const json_t *revision = json_object_get(entry, "revision");
        struct upstream_report upstream = {
            .url = text_member(entry, "url", pool),
            .revision = json_is_integer(revision) ? json_integer_value(revision) : -1,
            .is_healthy = json_is_true(json_object_get(entry, "healthy")),
            .error = text_member(entry, "error", pool)};

        if (upstream.url != NULL)
            APR_ARRAY_PUSH(upstreams, struct upstream_report) = upstream;
    }
    return upstreams;
}

/* What snapshotd knows better, or alone. */
static void read_daemon_entry(struct repository_report *repository,
                              const struct reading *reading)
{
    const json_t *entry = json_object_get(json_object_get(reading->daemon, "replicas"),
                                          repository->local_name);
    const json_t *progress = json_object_get(entry, "progress");
    const json_t *signing = json_object_get(json_object_get(reading->daemon, "signing"),
                                            repository->local_name);

    repository->next_snapshot = date_member(entry, "next", date_parse_iso);
    repository->upstreams =
        read_upstreams(json_object_get(entry, "upstreams"), reading->pool);
    repository->place = json_integer_value(json_object_get(entry, "place"));
    repository->signing_error = text_member(signing, "error", reading->pool);
    repository->signing_alert = json_is_true(json_object_get(signing, "alert"));
    if (repository->running_since == 0)
        return;
    if (json_is_object(progress)) {
        repository->running_objects =
            json_integer_value(json_object_get(progress, "objects"));
        repository->running_bytes =
            json_integer_value(json_object_get(progress, "bytes"));
    }
}

static void read_scrub(struct repository_report *report,
                       const struct repository *repository, apr_pool_t *parent)
{
    struct scrub_state state;
    apr_pool_t *pool;

    apr_pool_create(&pool, parent);
    scrub_state_read(&state, repository, pool);
    report->last_scrub = state.last_ended;
    report->scrub_percent = scrub_state_percent(&state);
    report->scrub = state.total;
    report->scrub_round =
        state.round_started != 0 ? scrub_state_round(&state) : state.last;
    report->scrub_open = state.open->nelts;
    apr_pool_destroy(pool);
}

static void read_repository(struct repository_report *report, const char *name,
                            const struct reading *reading)
{
    struct repository *repository;
    struct error error;

    *report = (struct repository_report){
        .local_name = name,
        .fqrn = name,
        .revision = -1,
        .upstream_revision = -1,
        .running_objects = -1,
        .running_bytes = -1,
        .scrub_percent = -1,
        .upstreams = apr_array_make(reading->pool, 0, sizeof(struct upstream_report)),
        .history = apr_array_make(reading->pool, 1, sizeof(struct snapshot_record))};
    if (!repository_read_leniently(&repository, &report->problem, reading->confdir, name,
                                   reading->server, reading->pool, &error)) {
        report->problem = apr_pstrdup(reading->pool, error.message);
        return;
    }
    report->fqrn = repository->fqrn;
    report->kind = repository->kind;
    report->is_pass_through = repository->kind == REPOSITORY_STRATUM1 &&
                              settings_boolean(repository->settings, SETTING_PASSTHROUGH);
    if (!report->is_pass_through && *repository->storage != '\0') {
        read_tree(report, repository->storage, reading->pool);
        read_scrub(report, repository, reading->pool);
    }
    read_daemon_entry(report, reading);
}

static bool read_repositories(const struct reading *reading, struct error *error)
{
    apr_array_header_t *names, *repositories;

    if (!repository_names(&names, reading->confdir, reading->pool, error))
        return false;
    repositories =
        apr_array_make(reading->pool, names->nelts + 1, sizeof(struct repository_report));
    for (int i = 0; i < names->nelts; i++) {
        struct repository_report *repository = apr_array_push(repositories);

        read_repository(repository, APR_ARRAY_IDX(names, i, const char *), reading);
        reading->report->waiting += repository->place > 0;
    }
    reading->report->repositories = repositories;
    return true;
}

static void read_space(const struct reading *reading)
{
    struct server_report *report = reading->report;
    struct statvfs space;

    report->storage = settings_text(reading->server, SETTING_STORAGE_DIR);
    if (statvfs(report->storage, &space) != 0)
        return;
    report->total_bytes = (int64_t)space.f_blocks * (int64_t)space.f_frsize;
    report->free_bytes = (int64_t)space.f_bavail * (int64_t)space.f_frsize;
    report->free_inodes = (int64_t)space.f_favail;
}

static int count_member(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));

    return value > 0 && value < INT32_MAX ? (int)value : 0;
}

static struct event_source_report read_event_source(const json_t *entry, apr_pool_t *pool)
{
    const char *stream = json_string_value(json_object_get(entry, "stream"));

    return (struct event_source_report){
        .url = text_member(entry, "url", pool),
        .is_strict = stream != NULL && strcmp(stream, "strict") == 0,
        .repositories = count_member(entry, "repositories"),
        .streams = count_member(entry, "streams"),
        .connected = count_member(entry, "connected"),
        .connected_since = date_member(entry, "connected_since", date_parse_iso),
        .last_event = date_member(entry, "last_event", date_parse_iso),
        .events = json_integer_value(json_object_get(entry, "events")),
        .retries = json_integer_value(json_object_get(entry, "retries")),
        .error = text_member(entry, "error", pool)};
}

static void read_event_sources(struct reading *reading)
{
    const json_t *list = json_object_get(reading->daemon, "event_sources"), *entry;
    apr_array_header_t *sources =
        apr_array_make(reading->pool, 2, sizeof(struct event_source_report));
    size_t i;

    json_array_foreach(list, i, entry)
    {
        struct event_source_report source = read_event_source(entry, reading->pool);

        if (source.url != NULL)
            APR_ARRAY_PUSH(sources, struct event_source_report) = source;
    }
    reading->report->event_sources = sources;
}

static void open_daemon_file(struct reading *reading)
{
    const char *path = apr_pstrcat(
        reading->pool, settings_text(reading->server, SETTING_SERVER_SPOOL_DIR),
        "/snapshotd.json", NULL);
    struct text content = {"", 0};

    file_read(&content, path, DAEMON_SIZE_MAX, reading->pool, NULL);
    reading->daemon = parse_object(content);
    reading->report->daemon_reported =
        date_member(reading->daemon, "written", date_parse_iso);
    reading->report->geo_error =
        text_member(json_object_get(reading->daemon, "geo"), "error", reading->pool);
}

bool server_report_read(struct server_report *report, const char *confdir,
                        const struct settings *server, apr_time_t now, apr_pool_t *pool,
                        struct error *error)
{
    struct reading reading = {report, server, confdir, NULL, pool};
    bool ok;

    memset(report, 0, sizeof(*report));
    report->now = now;
    report->geo = geo_state_read(server, pool);
    read_space(&reading);
    open_daemon_file(&reading);
    read_event_sources(&reading);
    ok = read_repositories(&reading, error);
    json_decref(reading.daemon);
    return ok;
}

int64_t repository_report_age(const struct repository_report *repository, apr_time_t now)
{
    if (repository->last_snapshot == 0)
        return -1;
    return repository->last_snapshot < now ? apr_time_sec(now - repository->last_snapshot)
                                           : 0;
}

int64_t repository_report_lag(const struct repository_report *repository, apr_time_t now)
{
    if (repository->upstream_revision < 0 || repository->upstream_published <= 0)
        return -1;
    if (repository->revision >= repository->upstream_revision)
        return 0;
    return repository->upstream_published < now
               ? apr_time_sec(now - repository->upstream_published)
               : 0;
}

int64_t repository_report_days_left(const struct repository_report *repository,
                                    apr_time_t now)
{
    if (repository->whitelist_expires == 0)
        return -1;
    return repository->whitelist_expires > now
               ? apr_time_sec(repository->whitelist_expires - now) / DAY_SECONDS
               : 0;
}

int64_t server_report_geo_days_left(const struct server_report *report)
{
    int64_t age = apr_time_sec(report->now) - report->geo.written;

    if (!report->geo.is_there)
        return -1;
    return age < GEO_SECONDS ? (GEO_SECONDS - age) / DAY_SECONDS : 0;
}

const char *repository_report_next(const struct repository_report *repository,
                                   apr_time_t now, apr_pool_t *pool)
{
    if (repository->place > 0 && repository->running_since == 0)
        return apr_psprintf(pool, "no. %" APR_INT64_T_FMT " in line",
                            (apr_int64_t)repository->place);
    return repository->next_snapshot > now
               ? human_duration(apr_time_sec(repository->next_snapshot - now), pool)
               : "";
}

const char *event_source_report_state(const struct event_source_report *source,
                                      apr_time_t now, apr_pool_t *pool)
{
    if (source->streams > 1 && source->connected > 0 &&
        source->connected < source->streams)
        return apr_psprintf(pool, "%d of %d streams connected", source->connected,
                            source->streams);
    if (source->connected_since == 0)
        return "not connected";
    return apr_pstrcat(pool, "connected for ",
                       human_duration(source->connected_since < now
                                          ? apr_time_sec(now - source->connected_since)
                                          : 0,
                                      pool),
                       NULL);
}

enum repository_state repository_report_state(const struct repository_report *repository,
                                              apr_time_t now)
{
    int64_t age = repository_report_age(repository, now);

    if (repository->is_pass_through)
        return REPOSITORY_PASSED_THROUGH;
    if (repository->problem != NULL)
        return REPOSITORY_OUT_OF_SERVICE;
    if (repository->kind == REPOSITORY_STRATUM0)
        return repository->signing_alert ? REPOSITORY_EXPIRING
                                         : REPOSITORY_PUBLISHED_HERE;
    if (repository->running_since > 0)
        return REPOSITORY_IN_PROGRESS;
    if (repository->last_error != NULL)
        return REPOSITORY_FAILING;
    if (age < 0)
        return REPOSITORY_NEVER_SNAPSHOTTED;
    return age > OLD_SECONDS ? REPOSITORY_OLD : REPOSITORY_GOOD;
}

const char *repository_state_name(enum repository_state state)
{
    static const char *const names[] = {
        [REPOSITORY_GOOD] = "good",
        [REPOSITORY_IN_PROGRESS] = "in progress",
        [REPOSITORY_FAILING] = "failing",
        [REPOSITORY_OLD] = "old",
        [REPOSITORY_NEVER_SNAPSHOTTED] = "no snapshot yet",
        [REPOSITORY_OUT_OF_SERVICE] = "out of service",
        [REPOSITORY_PASSED_THROUGH] = "passed through",
        [REPOSITORY_EXPIRING] = "whitelist ends soon",
        [REPOSITORY_PUBLISHED_HERE] = "published here",
    };

    return names[state];
}
