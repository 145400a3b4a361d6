/* SPDX-License-Identifier: Apache-2.0 */
/* <spool>/snapshotd.json: what the daemon did and will do. */
#include "snapshotd/daemon.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>
#include <systemd/sd-daemon.h>

#include "libreplica/base/date.h"
#include "libreplica/base/log.h"
#include "libreplica/operate/replica_list.h"
#include "libreplica/store/file.h"

#define STATUS_SIZE_MAX (16 * 1024 * 1024)

static json_t *date(apr_time_t when)
{
    char text[DATE_UTC_SIZE];

    date_format_iso(text, when);
    return json_string(text);
}

/* What the last runs left in the file, kept until the next ones. */
static json_t *read_old(const char *path, apr_pool_t *pool)
{
    struct text content;
    json_t *root = NULL;

    if (file_read(&content, path, STATUS_SIZE_MAX, pool, NULL))
        root = json_loadb(content.bytes, content.length, 0, NULL);
    if (json_is_object(root))
        return root;
    json_decref(root);
    return json_object();
}

/* The member KEY, for the caller to change and to give back; empty if there is none. */
static json_t *old_object(json_t *parent, const char *key)
{
    json_t *member = json_object_get(parent, key);

    return json_is_object(member) ? json_incref(member) : json_object();
}

/* JSON wants UTF-8; what was quoted from an origin, or cut to fit, need not be. */
static json_t *message(const struct error *error, apr_pool_t *pool)
{
    return json_string(
        text_for_people(text_of(error->message), ERROR_MESSAGE_SIZE, pool));
}

/* How each server did, if there are several. */
static json_t *describe_upstreams(const apr_array_header_t *upstreams, apr_pool_t *pool)
{
    json_t *list = json_array();

    for (int i = 0; i < upstreams->nelts; i++) {
        const struct snapshot_upstream *upstream =
            &APR_ARRAY_IDX(upstreams, i, struct snapshot_upstream);
        json_t *entry = json_object();

        json_object_set_new(entry, "url", json_string(upstream->url));
        json_object_set_new(entry, "healthy", json_boolean(upstream->is_healthy));
        if (upstream->revision >= 0)
            json_object_set_new(entry, "revision", json_integer(upstream->revision));
        json_object_set_new(entry, "requests", json_integer(upstream->requests));
        json_object_set_new(entry, "bytes", json_integer(upstream->bytes));
        if (upstream->problem.message[0] != '\0')
            json_object_set_new(entry, "error", message(&upstream->problem, pool));
        json_array_append_new(list, entry);
    }
    return list;
}

static void describe_run(json_t *replica, const struct job *job)
{
    const struct snapshot_result *result = &job->outcome.snapshot;

    json_object_set_new(replica, "started", date(job->started));
    json_object_set_new(replica, "ended", date(job->ended));
    json_object_set_new(replica, "result",
                        json_string(job->ok ? "ok" : error_code_name(job->error.code)));
    json_object_set_new(replica, "revision", json_integer(result->revision));
    json_object_set_new(replica, "objects", json_integer(result->walk.objects_fetched));
    json_object_set_new(replica, "bytes", json_integer(result->fetch.bytes));
    json_object_del(replica, "upstreams");
    if (result->upstreams != NULL && result->upstreams->nelts > 1)
        json_object_set_new(replica, "upstreams",
                            describe_upstreams(result->upstreams, job->pool));
    if (job->ok)
        json_object_del(replica, "error");
    else
        json_object_set_new(replica, "error", message(&job->error, job->pool));
}

static json_t *describe_progress(const struct job *job)
{
    json_t *progress = json_object();
    int64_t objects = __atomic_load_n(&job->objects, __ATOMIC_RELAXED);
    int64_t bytes = __atomic_load_n(&job->bytes, __ATOMIC_RELAXED);

    json_object_set_new(progress, "objects", json_integer(objects));
    json_object_set_new(progress, "bytes", json_integer(bytes));
    return progress;
}

/* A run that hangs shows by this. */
static void describe_running(json_t *replica, const struct daemon *daemon,
                             const struct schedule_entry *entry)
{
    json_object_del(replica, "running_since");
    json_object_del(replica, "progress");
    for (const struct job *job = daemon->jobs; job != NULL; job = job->next)
        if (job->entry == entry) {
            json_object_set_new(replica, "running_since", date(job->started));
            json_object_set_new(replica, "progress", describe_progress(job));
        }
}

/* In the line of those that are due; the next one to start is the first. */
static void describe_place(json_t *replica, const struct daemon *daemon,
                           const struct schedule_entry *entry)
{
    int place = schedule_place(daemon->schedule, entry, apr_time_now());

    json_object_del(replica, "place");
    if (place >= 0)
        json_object_set_new(replica, "place", json_integer(place + 1));
}

static void describe_scrub(json_t *replica, const struct daemon *daemon,
                           const char *local_name)
{
    json_object_del(replica, "scrub");
    for (int i = 0; i < daemon->scrubs->nelts; i++) {
        const struct scrub_entry *entry =
            APR_ARRAY_IDX(daemon->scrubs, i, struct scrub_entry *);
        json_t *scrub;

        if (strcmp(entry->local_name, local_name) != 0)
            continue;
        scrub = json_object();
        if (entry->last_ended != 0)
            json_object_set_new(scrub, "last_round", date(entry->last_ended));
        if (entry->percent >= 0)
            json_object_set_new(scrub, "percent", json_integer(entry->percent));
        json_object_set_new(scrub, "open", json_integer(entry->open));
        json_object_set_new(scrub, "running", json_boolean(entry == daemon->scrubbed));
        json_object_set_new(replica, "scrub", scrub);
    }
}

static json_t *describe_replicas(struct daemon *daemon, const struct job *ended,
                                 json_t *root)
{
    json_t *old = old_object(root, "replicas"), *replicas = json_object();

    for (int i = 0; i < daemon->schedule->entries->nelts; i++) {
        const struct schedule_entry *entry =
            APR_ARRAY_IDX(daemon->schedule->entries, i, struct schedule_entry *);
        json_t *replica = old_object(old, entry->local_name);

        if (ended != NULL && ended->entry == entry)
            describe_run(replica, ended);
        describe_running(replica, daemon, entry);
        describe_scrub(replica, daemon, entry->local_name);
        json_object_set_new(replica, "next", date(entry->next_start));
        describe_place(replica, daemon, entry);
        json_object_set_new(replicas, entry->local_name, replica);
    }
    json_decref(old);
    return replicas;
}

/* Checks that found nothing to do are no attempts, nor do they mend a failure. */
static json_t *describe_geo(const struct geo_job *ended, json_t *root)
{
    json_t *geo = old_object(root, "geo");

    if (ended == NULL)
        return geo;
    json_object_set_new(geo, "build_epoch", json_integer(ended->build_epoch));
    if (ended->ok && ended->result.outcome < GEO_UPDATE_LINKED)
        return geo;
    json_object_set_new(geo, "last_attempt", date(ended->started));
    json_object_set_new(
        geo, "result",
        json_string(ended->ok ? "ok" : error_code_name(ended->error.code)));
    if (ended->ok)
        json_object_del(geo, "error");
    else
        json_object_set_new(geo, "error", message(&ended->error, ended->pool));
    return geo;
}

static json_t *describe_signing(const struct daemon *daemon)
{
    apr_time_t now = apr_time_now();
    json_t *signings = json_object();

    for (int i = 0; i < daemon->signings->nelts; i++) {
        const struct sign_entry *entry =
            APR_ARRAY_IDX(daemon->signings, i, struct sign_entry *);
        json_t *signing = json_object();

        if (entry->expires != 0) {
            json_object_set_new(signing, "whitelist_expires", date(entry->expires));
            json_object_set_new(signing, "days_left",
                                json_integer(sign_entry_days_left(entry, now)));
        }
        json_object_set_new(signing, "alert", json_boolean(entry->is_alert));
        if (entry->problem.message[0] != '\0')
            json_object_set_new(signing, "error",
                                message(&entry->problem, daemon->scan_pool));
        json_object_set_new(signings, entry->local_name, signing);
    }
    return signings;
}

static json_t *describe_problems(const struct daemon *daemon)
{
    json_t *problems = json_object();

    for (int i = 0; i < daemon->problems->nelts; i++) {
        const struct replica_problem *problem =
            &APR_ARRAY_IDX(daemon->problems, i, struct replica_problem);

        json_object_set_new(problems, problem->local_name,
                            message(&problem->error, daemon->scan_pool));
    }
    return problems;
}

static json_t *describe_foreign(const struct daemon *daemon)
{
    json_t *foreign = json_array();

    for (int i = 0; i < daemon->foreign->nelts; i++)
        json_array_append_new(
            foreign, json_string(APR_ARRAY_IDX(daemon->foreign, i, const char *)));
    return foreign;
}

static json_t *describe_source(const struct event_source_state *state, apr_pool_t *pool)
{
    json_t *source = json_object();

    json_object_set_new(source, "url", json_string(state->url));
    json_object_set_new(source, "stream",
                        json_string(state->is_strict ? "strict" : "extended"));
    json_object_set_new(source, "repositories", json_integer(state->repositories));
    json_object_set_new(source, "streams", json_integer(state->streams));
    json_object_set_new(source, "connected", json_integer(state->connected));
    if (state->connected_since != 0)
        json_object_set_new(source, "connected_since", date(state->connected_since));
    if (state->last_event != 0)
        json_object_set_new(source, "last_event", date(state->last_event));
    json_object_set_new(source, "events", json_integer(state->events));
    json_object_set_new(source, "retries", json_integer(state->retries));
    if (*state->problem != '\0')
        json_object_set_new(source, "error",
                            json_string(text_for_people(text_of(state->problem),
                                                        ERROR_MESSAGE_SIZE, pool)));
    return source;
}

static json_t *describe_sources(const struct daemon *daemon)
{
    json_t *list = json_array();
    apr_array_header_t *states;

    if (daemon->sources == NULL)
        return list;
    states = event_sources_states(daemon->sources, daemon->scan_pool);
    for (int i = 0; i < states->nelts; i++)
        json_array_append_new(
            list, describe_source(&APR_ARRAY_IDX(states, i, struct event_source_state),
                                  daemon->scan_pool));
    return list;
}

/* Everything but the time of writing, so that what is new can be told from what is not.
 */
static json_t *describe(struct daemon *daemon, const struct job *ended,
                        const struct geo_job *geo_ended, const char *path)
{
    json_t *root = json_object(), *old = read_old(path, daemon->scan_pool);

    json_object_set_new(root, "user", json_string(daemon->user));
    json_object_set_new(root, "replicas", describe_replicas(daemon, ended, old));
    json_object_set_new(root, "geo", describe_geo(geo_ended, old));
    json_object_set_new(root, "signing", describe_signing(daemon));
    json_object_set_new(root, "event_sources", describe_sources(daemon));
    json_object_set_new(root, "out_of_service", describe_problems(daemon));
    json_object_set_new(root, "of_other_users", describe_foreign(daemon));
    json_decref(old);
    return root;
}

static bool is_new(struct daemon *daemon, const json_t *root)
{
    char *text = json_dumps(root, JSON_COMPACT);
    bool differs =
        text == NULL || daemon->status == NULL || strcmp(text, daemon->status) != 0;

    free(daemon->status);
    daemon->status = text;
    return differs;
}

static void write_file(struct daemon *daemon, json_t *root, const char *path)
{
    struct error error;
    char *text;

    json_object_set_new(root, "written", date(apr_time_now()));
    text = json_dumps(root, JSON_INDENT(2));
    if (text == NULL)
        return;
    if (!file_replace(path, text_of(text), 0644, daemon->scan_pool, &error)) {
        log_write(LOG_LEVEL_WARNING, "%s", error.message);
        free(daemon->status);
        daemon->status = NULL;
    }
    free(text);
}

void daemon_write_status(struct daemon *daemon, const struct job *ended,
                         const struct geo_job *geo_ended)
{
    const char *path = apr_pstrcat(
        daemon->scan_pool, settings_text(daemon->server, SETTING_SERVER_SPOOL_DIR),
        "/snapshotd.json", NULL);
    json_t *root = describe(daemon, ended, geo_ended, path);

    if (is_new(daemon, root))
        write_file(daemon, root, path);
    json_decref(root);
    sd_notifyf(0, "STATUS=%d replicas, %d running, %d out of service",
               daemon->schedule->entries->nelts, daemon->job_count,
               daemon->problems->nelts);
}
