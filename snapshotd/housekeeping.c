/* SPDX-License-Identifier: Apache-2.0 */
/* When files expire, and when garbage is no longer needed: a thread that waits for the
 * next time and lets the queue of commits do it. What it knows it reads from the disk, so
 * that a crash costs nothing. */
#include "snapshotd/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/log.h"
#include "libreplica/base/thread.h"
#include "libreplica/operate/expired.h"
#include "libreplica/operate/replica_gc.h"

/* Clocks are set, files are edited. */
#define LOOK_AGAIN apr_time_from_sec(60)
/* Between two revisions that only remove: what expires in between goes together. */
#define PAUSE_LEAST apr_time_from_sec(1)
#define RETRY_FIRST apr_time_from_sec(2)
#define RETRY_LAST  apr_time_from_sec(300)
/* Collecting takes at most one part of so many of the time. */
#define COLLECT_SHARE 10

/* One repository. */
struct household {
    struct household *next;
    struct housekeeper *housekeeper;
    const char *name;
    bool is_unseen;
    bool is_busy;
    apr_time_t clean_at, collect_at; /* 0: there is nothing to do */
    apr_time_t not_before, collect_not_before;
    apr_time_t look_at;          /* it could not be looked at; 0: it could */
    apr_time_t begun, collected; /* the collection that went well last began then */
    int failures;
};

struct housekeeper {
    struct door *door;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows, but for what never changes */
    pthread_cond_t changed;
    bool stop;
    struct household *first;
    apr_time_t look_next; /* for repositories */
    apr_pool_t *pool;
};

static struct household *find(struct housekeeper *keeper, const char *name)
{
    struct household *household = keeper->first;

    while (household != NULL && strcmp(household->name, name) != 0)
        household = household->next;
    if (household != NULL)
        return household;
    household = apr_pcalloc(keeper->pool, sizeof(*household));
    household->housekeeper = keeper;
    household->name = apr_pstrdup(keeper->pool, name);
    household->next = keeper->first;
    keeper->first = household;
    return household;
}

static bool read_times(apr_time_t *clean_at, apr_time_t *collect_at,
                       const struct door *door, const struct household *household,
                       apr_pool_t *pool, struct error *error)
{
    struct repository *repository;
    struct settings *server;
    struct store *store;

    if (!server_settings_read(&server, door->confdir, false, pool, error) ||
        !repository_read(&repository, door->confdir, household->name, server, pool,
                         error))
        return false;
    if (repository->kind != REPOSITORY_STRATUM0 ||
        !repository_is_of(repository, door->user))
        return true;
    return expired_next(clean_at, repository, pool, error) &&
           repository_open_store(&store, repository, pool, error) &&
           replica_gc_next(collect_at, repository, store, household->collected, pool,
                           error);
}

/* Without the mutex, which is taken again before this returns. */
static void look(struct housekeeper *keeper, struct household *household)
{
    apr_time_t clean_at = 0, collect_at = 0;
    struct error error;
    apr_pool_t *pool;
    bool ok;

    household->is_unseen = false;
    pthread_mutex_unlock(&keeper->mutex);
    apr_pool_create(&pool, NULL);
    ok = read_times(&clean_at, &collect_at, keeper->door, household, pool, &error);
    apr_pool_destroy(pool);
    if (!ok)
        log_write(LOG_LEVEL_INFO, "housekeeping repository=%s: %s", household->name,
                  error.message);
    pthread_mutex_lock(&keeper->mutex);
    household->look_at = ok ? 0 : apr_time_now() + RETRY_FIRST;
    if (!ok)
        return;
    household->clean_at = clean_at;
    /* Each revision would put it off otherwise. */
    if (household->collect_at == 0 || collect_at == 0 ||
        collect_at < household->collect_at)
        household->collect_at = collect_at;
}

static void note_failure(struct household *household, apr_time_t now,
                         const struct error *error)
{
    apr_interval_time_t pause = RETRY_FIRST;

    for (int i = 0; i < household->failures && pause < RETRY_LAST; i++)
        pause *= 2;
    household->failures++;
    household->not_before = now + (pause < RETRY_LAST ? pause : RETRY_LAST);
    if (error->code != ERROR_CANCELLED)
        log_write(LOG_LEVEL_WARNING, "housekeeping repository=%s: %s", household->name,
                  error->message);
}

/* The end of a job; from a thread that answers. */
static void note_end(void *baton, const struct door_job *job, const struct error *error)
{
    struct household *household = baton;
    struct housekeeper *keeper = household->housekeeper;
    apr_time_t now = apr_time_now();

    pthread_mutex_lock(&keeper->mutex);
    household->is_busy = false;
    household->is_unseen = true;
    if (error == NULL) {
        household->failures = 0;
        household->not_before = now + PAUSE_LEAST;
        if (job->cleans)
            household->clean_at = 0;
        if (job->collects) {
            household->collect_at = 0;
            household->collected = household->begun;
        }
    } else {
        note_failure(household, now, error);
    }
    if (job->collects)
        household->collect_not_before = now + COLLECT_SHARE * (now - household->begun);
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
}

static apr_time_t later(apr_time_t one, apr_time_t other)
{
    return one > other ? one : other;
}

/* When something is to be done; 0: never. A pause after what began only now, or later, is
 * of a clock that was set back. */
static apr_time_t due_at(const struct household *household, apr_time_t wanted,
                         apr_time_t not_before, apr_time_t now)
{
    if (wanted == 0)
        return 0;
    return household->begun < now ? later(wanted, not_before) : wanted;
}

/* Returns when to look at it again. */
static apr_time_t attend(struct housekeeper *keeper, struct household *household,
                         apr_time_t now)
{
    apr_time_t clean = due_at(household, household->clean_at, household->not_before, now);
    apr_time_t collect =
        due_at(household, household->collect_at,
               later(household->not_before, household->collect_not_before), now);
    apr_time_t first = clean == 0 || (collect != 0 && collect < clean) ? collect : clean;
    struct door_job *job;

    if (household->is_busy || first == 0 || first > now)
        return household->is_busy || first == 0 ? now + LOOK_AGAIN : first;
    household->is_busy = true;
    household->begun = now;
    job = door_own_job(keeper->door, household->name);
    job->cleans = clean != 0 && clean <= now;
    job->collects = collect != 0 && collect <= now;
    job->end = note_end;
    job->end_baton = household;
    pthread_mutex_unlock(&keeper->mutex);
    commit_submit(job);
    pthread_mutex_lock(&keeper->mutex);
    return now + LOOK_AGAIN;
}

static void find_repositories(struct housekeeper *keeper)
{
    apr_array_header_t *names;
    struct error unused;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    if (repository_names(&names, keeper->door->confdir, pool, &unused))
        for (int i = 0; i < names->nelts; i++)
            find(keeper, APR_ARRAY_IDX(names, i, const char *))->is_unseen = true;
    apr_pool_destroy(pool);
}

/* Returns when to come again. */
static apr_time_t make_round(struct housekeeper *keeper)
{
    apr_time_t now = apr_time_now(), wake;

    if (now >= keeper->look_next || keeper->look_next > now + LOOK_AGAIN) {
        find_repositories(keeper);
        keeper->look_next = now + LOOK_AGAIN;
    }
    wake = keeper->look_next;
    for (struct household *it = keeper->first; it != NULL && !keeper->stop;
         it = it->next) {
        apr_time_t next;

        if ((it->is_unseen || (it->look_at != 0 && it->look_at <= apr_time_now())) &&
            !it->is_busy)
            look(keeper, it);
        next = attend(keeper, it, apr_time_now());
        if (next < wake)
            wake = next;
        if (it->look_at != 0 && it->look_at < wake)
            wake = it->look_at;
    }
    return wake;
}

static bool has_unseen(const struct housekeeper *keeper)
{
    for (const struct household *it = keeper->first; it != NULL; it = it->next)
        if (it->is_unseen && !it->is_busy)
            return true;
    return false;
}

static void *keep_house(void *baton)
{
    struct housekeeper *keeper = baton;

    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->stop) {
        apr_time_t wake = make_round(keeper);
        struct timespec until = {apr_time_sec(wake), apr_time_usec(wake) * 1000};
        int result = 0;

        while (!keeper->stop && !has_unseen(keeper) && result != ETIMEDOUT)
            result = pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &until);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

bool housekeeping_start(struct door *door, struct error *error)
{
    struct housekeeper *keeper = apr_pcalloc(door->pool, sizeof(*keeper));

    keeper->door = door;
    apr_pool_create(&keeper->pool, NULL);
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_cond_init(&keeper->changed, NULL);
    if (!thread_start(&keeper->thread, keep_house, keeper, error)) {
        apr_pool_destroy(keeper->pool);
        return false;
    }
    door->housekeeper = keeper;
    return true;
}

void housekeeping_stop(struct door *door)
{
    struct housekeeper *keeper = door->housekeeper;

    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->stop = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    pthread_join(keeper->thread, NULL);
}

void housekeeping_free(struct door *door)
{
    if (door->housekeeper != NULL)
        apr_pool_destroy(door->housekeeper->pool);
}

void housekeeping_look(struct door *door, const char *repository)
{
    struct housekeeper *keeper = door->housekeeper;

    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->mutex);
    find(keeper, repository)->is_unseen = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
}
