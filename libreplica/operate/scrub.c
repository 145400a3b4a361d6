/* SPDX-License-Identifier: Apache-2.0 */
/* A round of a scrub: folder by folder, in the order of names, from where it was left. */
#include "libreplica/operate/scrub_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/lock.h"
#include "libreplica/operate/status.h"
#include "libreplica/store/file.h"

#define SAVE_INTERVAL apr_time_from_sec(5)
/* For which the end of a round waits to be told in the status file. */
#define STATUS_TRIES 20
#define STATUS_PAUSE 100000

void scrub_say(const struct scrub *scrub, const char *format, ...)
{
    char line[ERROR_MESSAGE_SIZE + 128];
    va_list arguments;

    if (scrub->options->say == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    scrub->options->say(scrub->options->baton, line);
}

bool scrub_stopped(const struct scrub *scrub, struct error *error)
{
    const volatile int *stop = scrub->options->stop;

    if (stop == NULL || !*stop)
        return false;
    error_set(error, ERROR_CANCELLED, "stopped while scrubbing");
    return true;
}

bool scrub_save(struct scrub *scrub, struct error *error)
{
    scrub->saved = apr_time_now();
    return scrub_state_write(&scrub->state, scrub->repository, scrub->pool, error);
}

static bool is_late(const struct scrub *scrub)
{
    return scrub->options->until != 0 && apr_time_now() >= scrub->options->until;
}

static int by_name(const void *a, const void *b)
{
    char left[OBJECT_NAME_SIZE], right[OBJECT_NAME_SIZE];

    return strcmp(object_name(left, a), object_name(right, b));
}

struct listing {
    const struct scrub *scrub;
    apr_array_header_t *objects; /* of struct object */
};

static bool list_object(void *baton, const struct object *object,
                        const struct store_status *status, struct error *error)
{
    struct listing *listing = baton;
    char name[OBJECT_NAME_SIZE];

    if (strcmp(object_name(name, object), listing->scrub->state.after) > 0)
        APR_ARRAY_PUSH(listing->objects, struct object) = *object;
    return !scrub_stopped(listing->scrub, error);
}

/* What has to be done now and then. */
static bool between_objects(struct scrub *scrub, struct error *error)
{
    apr_time_t now = apr_time_now();

    if (scrub->has_news && now >= scrub->next_try && !scrub_mend(NULL, scrub, error))
        return false;
    /* Also if the clock was set back. */
    if (now - scrub->saved < SAVE_INTERVAL && now >= scrub->saved)
        return true;
    return scrub_save(scrub, error);
}

static bool read_objects(bool *late, struct scrub *scrub, apr_array_header_t *objects,
                         struct error *error)
{
    for (int i = 0; i < objects->nelts && !*late; i++) {
        const struct object *object = &APR_ARRAY_IDX(objects, i, struct object);

        if (scrub_stopped(scrub, error) || !scrub_object(scrub, object, error))
            return false;
        object_name(scrub->state.after, object);
        if (!between_objects(scrub, error))
            return false;
        *late = is_late(scrub);
    }
    return true;
}

static bool read_folder(bool *late, struct scrub *scrub, struct error *error)
{
    struct listing listing = {.scrub = scrub};
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, scrub->pool);
    listing.objects = apr_array_make(own, 1024, sizeof(struct object));
    ok = store_list(scrub->store, (unsigned int)scrub->state.folder, list_object,
                    &listing, error);
    if (ok) {
        qsort(listing.objects->elts, (size_t)listing.objects->nelts,
              sizeof(struct object), by_name);
        ok = read_objects(late, scrub, listing.objects, error);
    }
    apr_pool_destroy(own);
    if (ok && !*late) {
        scrub->state.folder++;
        scrub->state.after[0] = '\0';
    }
    return ok;
}

/* The status file has several writers; the lock of updates is theirs too. A busy one is
 * waited for a little: scrub.json says the same. */
static void tell_monitors(struct scrub *scrub)
{
    const char *path = repository_update_lock(scrub->repository, scrub->pool);
    char date[DATE_UTC_SIZE];
    struct status_change changes[] = {
        {"last_scrub", date},
        {"scrub_findings", apr_psprintf(scrub->pool, "%d", scrub->state.open->nelts)}};
    struct lock *lock;

    date_format_utc(date, scrub->state.last_ended);
    for (int i = 0; i < STATUS_TRIES && !scrub_stopped(scrub, NULL); i++) {
        if (lock_try(&lock, path, scrub->pool, NULL)) {
            status_update(scrub->store, changes, 2, scrub->pool, NULL);
            lock_release(lock);
            return;
        }
        apr_sleep(STATUS_PAUSE);
    }
}

static void begin_round(struct scrub *scrub)
{
    struct scrub_state *state = &scrub->state;

    state->round_started = apr_time_now();
    state->folder = 0;
    state->after[0] = '\0';
    state->at_start = state->total;
}

static bool end_round(struct scrub_result *result, struct scrub *scrub,
                      struct error *error)
{
    struct scrub_state *state = &scrub->state;

    if (!scrub_mend(NULL, scrub, error) || !scrub_missing(scrub, NULL, 0, error))
        return false;
    state->last_started = state->round_started;
    state->last_ended = apr_time_now();
    state->last = scrub_state_round(state);
    result->round = state->last;
    result->round_ended = true;
    state->round_started = 0;
    if (!scrub_save(scrub, error))
        return false;
    tell_monitors(scrub);
    return true;
}

static bool read_on(struct scrub_result *result, struct scrub *scrub, struct error *error)
{
    bool late = false;

    if (scrub->state.round_started == 0 || scrub->options->begins_anew)
        begin_round(scrub);
    while (!late && scrub->state.folder < STORE_FOLDERS)
        if (!read_folder(&late, scrub, error))
            return false;
    return late ? scrub_save(scrub, error) : end_round(result, scrub, error);
}

static bool run(struct scrub_result *result, struct scrub *scrub, struct error *error)
{
    const struct scrub_options *options = scrub->options;

    if (options->tries && !scrub_mend(NULL, scrub, error))
        return false;
    if (options->reported_count > 0 &&
        !scrub_missing(scrub, options->reported, options->reported_count, error))
        return false;
    return !options->reads || read_on(result, scrub, error);
}

/* Temporary files of our own: a writer that holds the lock of updates clears away all in
 * the usual folder. */
static bool open_stores(const char **folder, struct scrub *scrub, struct error *error)
{
    const struct repository *repository = scrub->repository;

    *folder = apr_pstrcat(scrub->pool, repository->temporary, "/scrub", NULL);
    return repository_open_store(&scrub->store, repository, scrub->pool, error) &&
           file_remove_tree(*folder, error) &&
           file_make_directory(*folder, 0700, scrub->pool, error) &&
           store_open(&scrub->scratch, repository->storage, *folder, scrub->pool, error);
}

static struct scrub_counters difference(const struct scrub_counters *now,
                                        const struct scrub_counters *before)
{
    struct scrub_state state = {.total = *now, .at_start = *before};

    return scrub_state_round(&state);
}

static bool run_locked(struct scrub_result *result, struct scrub *scrub,
                       struct error *error)
{
    struct scrub_counters before;
    const char *folder = NULL;
    struct error problem;
    bool ok = open_stores(&folder, scrub, error);

    if (!ok)
        return false;
    scrub_state_read(&scrub->state, scrub->repository, scrub->pool);
    before = scrub->state.total;
    scrub->saved = apr_time_now();
    ok = run(result, scrub, error);
    /* Where it was is worth keeping however it ended. */
    if (!ok && !scrub_save(scrub, &problem))
        scrub_say(scrub, "%s", problem.message);
    if (!result->round_ended)
        result->round = scrub_state_round(&scrub->state);
    result->done = difference(&scrub->state.total, &before);
    result->open = scrub->state.open->nelts;
    file_remove_tree(folder, NULL);
    return ok;
}

/* The pool gives it back. */
static bool take_lock(const struct scrub *scrub, struct error *error)
{
    const char *spool = scrub->repository->spool;
    const char *path = apr_pstrcat(scrub->pool, spool, "/scrub.lock", NULL);
    struct lock *lock;

    if (!file_make_directory(spool, 0755, scrub->pool, error))
        return false;
    if (lock_try(&lock, path, scrub->pool, error))
        return true;
    if (error->code != ERROR_BUSY)
        return false;
    if (!scrub->options->waits)
        return error_prefix(error, "another scrub is in progress");
    return lock_wait(&lock, path, scrub->options->stop, scrub->pool, error);
}

bool scrub_run(struct scrub_result *result, const struct repository *repository,
               const struct scrub_options *options, apr_pool_t *pool, struct error *error)
{
    struct scrub scrub = {.repository = repository, .options = options};
    bool ok;

    memset(result, 0, sizeof(*result));
    if (!repository_require_content(repository, "scrub", error))
        return false;
    apr_pool_create(&scrub.pool, pool);
    ok = take_lock(&scrub, error) && run_locked(result, &scrub, error);
    apr_pool_destroy(scrub.pool);
    return ok;
}
