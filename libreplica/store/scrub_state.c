/* SPDX-License-Identifier: Apache-2.0 */
/* The scrub's place and findings as a small file. */
#include "libreplica/store/scrub_state.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/base/date.h"
#include "libreplica/store/file.h"

#define SIZE_MAX_BYTES (1024 * 1024)
#define VERSION        1

static const char *path_of(const struct repository *repository, apr_pool_t *pool)
{
    return apr_pstrcat(pool, repository->spool, "/scrub.json", NULL);
}

static apr_time_t date_member(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    apr_time_t when = 0;

    if (value != NULL)
        date_parse_iso(&when, text_of(value));
    return when;
}

static int64_t number_member(const json_t *object, const char *key)
{
    int64_t number = json_integer_value(json_object_get(object, key));

    return number > 0 ? number : 0;
}

static struct scrub_counters read_counters(const json_t *object)
{
    return (struct scrub_counters){.objects = number_member(object, "objects"),
                                   .bytes = number_member(object, "bytes"),
                                   .corrupt = number_member(object, "corrupt"),
                                   .missing = number_member(object, "missing"),
                                   .repaired = number_member(object, "repaired")};
}

static void read_finding(struct scrub_state *state, const json_t *entry)
{
    const char *name = json_string_value(json_object_get(entry, "object"));
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    struct scrub_finding finding = {.since = date_member(entry, "since")};

    if (name == NULL || kind == NULL || state->open->nelts == SCRUB_OPEN_MAX ||
        !object_parse_name(&finding.object, text_of(name)))
        return;
    finding.is_missing = strcmp(kind, "missing") == 0;
    APR_ARRAY_PUSH(state->open, struct scrub_finding) = finding;
}

static void read_place(struct scrub_state *state, const json_t *round)
{
    const char *after = json_string_value(json_object_get(round, "after"));
    int64_t folder = number_member(round, "folder");
    struct object object;

    state->round_started = date_member(round, "started");
    if (folder > STORE_FOLDERS)
        folder = 0;
    state->folder = (int)folder;
    if (after != NULL && object_parse_name(&object, text_of(after)))
        object_name(state->after, &object);
}

static void read_state(struct scrub_state *state, const json_t *root)
{
    const json_t *last = json_object_get(root, "last_round");
    const json_t *round = json_object_get(root, "round"), *entry;
    size_t i;

    state->total = read_counters(json_object_get(root, "total"));
    state->last_try = date_member(root, "last_try");
    read_place(state, round);
    state->at_start = read_counters(json_object_get(round, "total_before"));
    state->last_started = date_member(last, "started");
    state->last_ended = date_member(last, "ended");
    state->last = read_counters(last);
    json_array_foreach(json_object_get(root, "open"), i, entry)
        read_finding(state, entry);
}

void scrub_state_read(struct scrub_state *state, const struct repository *repository,
                      apr_pool_t *pool)
{
    json_t *root = NULL;
    struct text content;

    memset(state, 0, sizeof(*state));
    state->open = apr_array_make(pool, 0, sizeof(struct scrub_finding));
    if (file_read(&content, path_of(repository, pool), SIZE_MAX_BYTES, pool, NULL))
        root = json_loadb(content.bytes, content.length, 0, NULL);
    if (json_integer_value(json_object_get(root, "version")) == VERSION)
        read_state(state, root);
    json_decref(root);
}

static void set_date(json_t *object, const char *key, apr_time_t when)
{
    char date[DATE_UTC_SIZE];

    if (when <= 0)
        return;
    date_format_iso(date, when);
    json_object_set_new(object, key, json_string(date));
}

static void set_counters(json_t *object, const struct scrub_counters *counters)
{
    json_object_set_new(object, "objects", json_integer(counters->objects));
    json_object_set_new(object, "bytes", json_integer(counters->bytes));
    json_object_set_new(object, "corrupt", json_integer(counters->corrupt));
    json_object_set_new(object, "missing", json_integer(counters->missing));
    json_object_set_new(object, "repaired", json_integer(counters->repaired));
}

static json_t *describe_counters(const struct scrub_counters *counters)
{
    json_t *object = json_object();

    set_counters(object, counters);
    return object;
}

static json_t *describe_round(const struct scrub_state *state)
{
    json_t *round = json_object();

    set_date(round, "started", state->round_started);
    json_object_set_new(round, "folder", json_integer(state->folder));
    json_object_set_new(round, "after", json_string(state->after));
    json_object_set_new(round, "total_before", describe_counters(&state->at_start));
    return round;
}

static json_t *describe_open(const struct scrub_state *state)
{
    json_t *open = json_array();

    for (int i = 0; i < state->open->nelts; i++) {
        const struct scrub_finding *finding =
            &APR_ARRAY_IDX(state->open, i, struct scrub_finding);
        char name[OBJECT_NAME_SIZE];
        json_t *entry = json_object();

        json_object_set_new(entry, "object",
                            json_string(object_name(name, &finding->object)));
        json_object_set_new(entry, "kind",
                            json_string(finding->is_missing ? "missing" : "corrupt"));
        set_date(entry, "since", finding->since);
        json_array_append_new(open, entry);
    }
    return open;
}

static json_t *describe(const struct scrub_state *state)
{
    json_t *root = json_object(), *last = json_object();

    json_object_set_new(root, "version", json_integer(VERSION));
    if (state->round_started != 0)
        json_object_set_new(root, "round", describe_round(state));
    if (state->last_ended != 0) {
        set_date(last, "started", state->last_started);
        set_date(last, "ended", state->last_ended);
        set_counters(last, &state->last);
        json_object_set(root, "last_round", last);
    }
    json_decref(last);
    json_object_set_new(root, "total", describe_counters(&state->total));
    set_date(root, "last_try", state->last_try);
    json_object_set_new(root, "open", describe_open(state));
    return root;
}

bool scrub_state_write(const struct scrub_state *state,
                       const struct repository *repository, apr_pool_t *pool,
                       struct error *error)
{
    json_t *root = describe(state);
    char *text = json_dumps(root, JSON_INDENT(1));
    apr_pool_t *own;
    bool ok;

    json_decref(root);
    if (text == NULL)
        return error_set(error, ERROR_IO, "no memory for the state of the scrub");
    apr_pool_create(&own, pool);
    ok = file_replace(path_of(repository, own), text_of(text), 0644, own, error);
    apr_pool_destroy(own);
    free(text);
    return ok;
}

struct scrub_counters scrub_state_round(const struct scrub_state *state)
{
    const struct scrub_counters *total = &state->total, *start = &state->at_start;

    return (struct scrub_counters){.objects = total->objects - start->objects,
                                   .bytes = total->bytes - start->bytes,
                                   .corrupt = total->corrupt - start->corrupt,
                                   .missing = total->missing - start->missing,
                                   .repaired = total->repaired - start->repaired};
}

int scrub_state_percent(const struct scrub_state *state)
{
    if (state->round_started == 0)
        return -1;
    return state->folder >= STORE_FOLDERS ? 99 : state->folder * 100 / STORE_FOLDERS;
}
