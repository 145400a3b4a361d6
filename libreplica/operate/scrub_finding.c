/* SPDX-License-Identifier: Apache-2.0 */
/* What a scrub found: noted first, then moved aside, then fetched. In this order, so that
 * nothing is forgotten whenever it is cut off. */
#include "libreplica/operate/scrub_internal.h"

#include <string.h>

#include "libreplica/operate/check_suspects.h"

#define TRY_PAUSE_LEAST apr_time_from_sec(5)
#define TRY_PAUSE_MOST  apr_time_from_sec(300)
#define HOLD_SECONDS    15
#define HOLD_MOST       3600
/* A line that gives this much in a hold is slow, not dead. */
#define HOLD_BYTES (256 * 1024)

static struct scrub_finding *finding_of(const struct scrub *scrub, int number)
{
    return &APR_ARRAY_IDX(scrub->state.open, number, struct scrub_finding);
}

static bool is_known(const struct scrub *scrub, const struct object *object)
{
    for (int i = 0; i < scrub->state.open->nelts; i++) {
        const struct object *known = &finding_of(scrub, i)->object;

        if (known->type == object->type && hash_equals(&known->hash, &object->hash))
            return true;
    }
    return false;
}

static bool note(struct scrub *scrub, const struct object *object, bool is_missing,
                 struct error *error)
{
    struct scrub_finding finding = {*object, is_missing, apr_time_now()};
    char name[OBJECT_NAME_SIZE];

    if (scrub->state.open->nelts >= SCRUB_OPEN_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "%s: %d objects are damaged or missing that no upstream gave: "
                         "is the disk failing? Nothing more is moved aside",
                         scrub->repository->local_name, SCRUB_OPEN_MAX);
    APR_ARRAY_PUSH(scrub->state.open, struct scrub_finding) = finding;
    scrub->has_news = true;
    if (is_missing)
        scrub->state.total.missing++;
    else
        scrub->state.total.corrupt++;
    scrub_say(scrub, "%s: object %s", is_missing ? "missing" : "corrupt",
              object_name(name, object));
    return true;
}

bool scrub_find(struct scrub *scrub, const struct object *object, bool is_missing,
                struct error *error)
{
    if (!is_known(scrub, object) && !note(scrub, object, is_missing, error))
        return false;
    /* What is missing is found again; what was moved aside is not. */
    return is_missing || (scrub_save(scrub, error) &&
                          store_quarantine_damaged(scrub->store, object, error));
}

/* The check's own words; each failure is told once. */
static void tell(void *baton, const char *line)
{
    const struct scrub *scrub = baton;

    if (strncmp(line, "repaired: ", 10) == 0 ||
        (scrub->has_news && strncmp(line, "not repaired: ", 14) == 0))
        scrub_say(scrub, "%s", line);
}

/* *sound: it is there, and what it should be. One that is not, and is there, was noted
 * before a kill and not moved aside. */
static bool settle(bool *sound, struct scrub *scrub, const struct object *object,
                   bool was_stored, struct error *error)
{
    struct store_status status;
    bool found, gone;

    *sound = false;
    if (!store_stat(scrub->store, object, &status, &found, error)) {
        if (error->code != ERROR_IO)
            return false;
        return store_quarantine_damaged(scrub->store, object, error);
    }
    if (!found)
        return true;
    if (was_stored) {
        *sound = true;
        return true;
    }
    if (!scrub_read_object(sound, &gone, scrub, object, error))
        return false;
    *sound = *sound && !gone;
    return *sound || gone || store_quarantine_damaged(scrub->store, object, error);
}

/* Drop what is mended from the list; *mended counts. */
static bool settle_all(int64_t *mended, struct scrub *scrub, bool was_stored,
                       struct error *error)
{
    apr_array_header_t *open = scrub->state.open;
    int kept = 0;
    bool ok = true;

    *mended = 0;
    for (int i = 0; i < open->nelts; i++) {
        struct scrub_finding finding = *finding_of(scrub, i);
        bool sound = false;

        ok = ok && settle(&sound, scrub, &finding.object, was_stored, error);
        if (sound) {
            ++*mended;
            store_drop_quarantined(scrub->store, &finding.object, NULL);
        } else {
            *finding_of(scrub, kept++) = finding;
        }
    }
    open->nelts = kept;
    return ok;
}

static struct suspects_options fetch_options(struct scrub *scrub)
{
    if (scrub->hold_seconds == 0) {
        scrub->hold_seconds = HOLD_SECONDS;
        scrub->try_pause = TRY_PAUSE_LEAST;
    }
    return (struct suspects_options){.hold_seconds = scrub->hold_seconds,
                                     .stop = scrub->options->stop,
                                     .say = tell,
                                     .baton = scrub};
}

static bool fetch(struct suspects_result *stored, struct scrub *scrub, apr_pool_t *pool,
                  struct error *error)
{
    struct suspects_options options = fetch_options(scrub);
    int count = scrub->state.open->nelts;
    struct object *objects = apr_palloc(pool, (size_t)count * sizeof(*objects));

    for (int i = 0; i < count; i++)
        objects[i] = finding_of(scrub, i)->object;
    return check_suspects(stored, scrub->repository, objects, count, &options, pool,
                          error);
}

/* Progress makes the next try come soon; without it the tries become rare, but longer: a
 * catalog with very much below it has to be stored in one go. Not if the upstreams hang:
 * then snapshots would wait for nothing. */
static void plan_next_try(struct scrub *scrub, bool progressed, int64_t bytes,
                          const struct error *problem)
{
    if (progressed) {
        scrub->try_pause = TRY_PAUSE_LEAST;
        scrub->hold_seconds = HOLD_SECONDS;
    } else {
        scrub->try_pause *= 2;
        if (scrub->try_pause > TRY_PAUSE_MOST)
            scrub->try_pause = TRY_PAUSE_MOST;
        if (problem->code == ERROR_CANCELLED && bytes >= HOLD_BYTES &&
            scrub->hold_seconds < HOLD_MOST)
            scrub->hold_seconds *= 2;
    }
    scrub->state.last_try = apr_time_now();
    scrub->next_try = scrub->state.last_try + scrub->try_pause;
}

/* BELOW: what was missing, or without its bytes, below catalogs that had to be fetched.
 */
static void count_stored(struct scrub *scrub, int64_t mended, int64_t missing_below,
                         int64_t damaged_below)
{
    struct scrub_counters *total = &scrub->state.total;

    /* Somebody else mended some of them. */
    if (missing_below < 0)
        missing_below = 0;
    total->missing += missing_below;
    total->corrupt += damaged_below;
    total->repaired += mended + missing_below + damaged_below;
}

static bool is_passing(const struct error *problem)
{
    return problem->code == ERROR_BUSY || problem->code == ERROR_CANCELLED;
}

static bool mend(int64_t *mended, struct scrub *scrub, apr_pool_t *pool,
                 struct error *error)
{
    int64_t before, after = 0;
    struct suspects_result stored = {0};
    struct error problem = {ERROR_NONE, ""};
    bool ok = settle_all(&before, scrub, false, error);

    if (!ok)
        return false;
    if (scrub->state.open->nelts > 0)
        ok = fetch(&stored, scrub, pool, &problem);
    if (!settle_all(&after, scrub, true, error))
        return false;
    count_stored(scrub, before + after, stored.missing - after, stored.damaged);
    *mended = before + after;
    plan_next_try(scrub, *mended > 0, stored.bytes, &problem);
    if (!ok && !is_passing(&problem)) {
        *error = problem;
        return false;
    }
    if (ok || problem.code != ERROR_BUSY)
        scrub->has_news = false;
    return scrub_save(scrub, error);
}

bool scrub_mend(int64_t *mended, struct scrub *scrub, struct error *error)
{
    int64_t count = 0;
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, scrub->pool);
    ok = scrub->state.open->nelts == 0 || mend(&count, scrub, own, error);
    apr_pool_destroy(own);
    if (mended != NULL)
        *mended = count;
    return ok && !scrub_stopped(scrub, error);
}

bool scrub_mend_silently(int64_t *mended, struct scrub *scrub,
                         const struct object *objects, int count, struct error *error)
{
    struct suspects_options options = fetch_options(scrub);
    struct suspects_result stored = {0};
    struct error problem;

    *mended = 0;
    if (count == 0)
        return true;
    if (!check_suspects(&stored, scrub->repository, objects, count, &options, scrub->pool,
                        &problem) &&
        !is_passing(&problem)) {
        *error = problem;
        return false;
    }
    count_stored(scrub, 0, stored.missing, stored.damaged);
    *mended = stored.missing + stored.damaged;
    return !scrub_stopped(scrub, error);
}
