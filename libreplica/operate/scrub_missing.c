/* SPDX-License-Identifier: Apache-2.0 */
/* What a scrub cannot find by reading: objects that are not there. */
#include "libreplica/operate/scrub_internal.h"

#include <stdlib.h>
#include <string.h>

#include "libreplica/operate/served_objects.h"

/* Below a catalog that was missing, others may be missing that nobody saw. */
#define PASSES_MAX 20

/* A finding that outlived a round, that nothing refers to any more and no server has, is
 * of a revision that is gone everywhere. */
#define FORGET_AFTER (7 * 24 * 3600 * APR_USEC_PER_SEC)

struct pass {
    struct scrub *scrub;
    bool lacks_lists; /* catalogs or tags: so more may be missing than was seen */
    bool is_full;
    apr_array_header_t *tags; /* of struct object: roots that need not be anywhere */
};

/* Whole, and yet no catalog: nobody has a better one. */
static bool is_hopeless(bool *hopeless, struct scrub *scrub, const struct object *object,
                        struct error *error)
{
    struct store_status status;
    bool found, intact, gone;

    *hopeless = false;
    if (!store_stat(scrub->store, object, &status, &found, error))
        return error->code == ERROR_IO;
    if (!scrub_read_object(&intact, &gone, scrub, object, error))
        return false;
    *hopeless = gone || intact;
    return true;
}

/* The list has an end; what does not fit in is found by the next pass. */
static bool note_lack(void *baton, const struct object *object, enum served_lack lack,
                      struct error *error)
{
    struct pass *pass = baton;
    struct scrub *scrub = pass->scrub;
    bool hopeless = false;

    if (lack == SERVED_MISSING_TAG) {
        if (pass->tags->nelts < SCRUB_OPEN_MAX)
            APR_ARRAY_PUSH(pass->tags, struct object) = *object;
        return true;
    }
    pass->lacks_lists |= object->type == OBJECT_CATALOG || object->type == OBJECT_HISTORY;
    if (lack == SERVED_DAMAGED && !is_hopeless(&hopeless, scrub, object, error))
        return false;
    pass->is_full |= scrub->state.open->nelts >= SCRUB_OPEN_MAX;
    return hopeless || pass->is_full ||
           scrub_find(scrub, object, lack == SERVED_MISSING, error);
}

static void forget_lost(struct scrub *scrub, const struct object *sorted,
                        const bool *referenced, int count)
{
    apr_array_header_t *open = scrub->state.open;
    char name[OBJECT_NAME_SIZE];
    int kept = 0;

    for (int i = 0; i < open->nelts; i++) {
        struct scrub_finding finding = APR_ARRAY_IDX(open, i, struct scrub_finding);
        const struct object *found = bsearch(&finding.object, sorted, (size_t)count,
                                             sizeof(*sorted), served_objects_compare);

        if (found != NULL && !referenced[found - sorted] &&
            finding.since < apr_time_now() - FORGET_AFTER) {
            scrub_say(scrub, "given up: object %s: nothing refers to it any more",
                      object_name(name, &finding.object));
            store_drop_quarantined(scrub->store, &finding.object, NULL);
        } else {
            APR_ARRAY_IDX(open, kept++, struct scrub_finding) = finding;
        }
    }
    open->nelts = kept;
}

static struct object *sorted_open(const struct scrub *scrub, apr_pool_t *pool)
{
    const apr_array_header_t *open = scrub->state.open;
    struct object *objects =
        apr_palloc(pool, ((size_t)open->nelts + 1) * sizeof(*objects));

    for (int i = 0; i < open->nelts; i++)
        objects[i] = APR_ARRAY_IDX(open, i, struct scrub_finding).object;
    qsort(objects, (size_t)open->nelts, sizeof(*objects), served_objects_compare);
    return objects;
}

/* One walk, and one try to get what it found. */
static bool run_pass(bool *again, struct pass *pass, const struct object *wanted,
                     int wanted_count, apr_pool_t *pool, struct error *error)
{
    struct scrub *scrub = pass->scrub;
    struct served_objects_options options = {
        .store = scrub->scratch,
        .max_catalog_bytes =
            settings_number(scrub->repository->settings, SETTING_MAX_CATALOG_BYTES),
        .looks_at_all = wanted == NULL,
        .wanted = wanted != NULL ? wanted : sorted_open(scrub, pool),
        .wanted_count = wanted != NULL ? wanted_count : scrub->state.open->nelts,
        .stop = scrub->options->stop,
        .lacks = note_lack,
        .baton = pass,
    };
    bool *referenced = apr_pcalloc(pool, (size_t)options.wanted_count + 1);
    int64_t mended, mended_tags;

    *again = true;
    pass->tags = apr_array_make(pool, 0, sizeof(struct object));
    if (!served_objects_walk(referenced, &options, pool, error))
        return error->code == ERROR_OUTDATED;
    if (!scrub_mend(&mended, scrub, error) ||
        !scrub_mend_silently(&mended_tags, scrub, (struct object *)pass->tags->elts,
                             pass->tags->nelts, error))
        return false;
    *again = mended_tags > 0 || (mended > 0 && (pass->lacks_lists || pass->is_full));
    if (wanted == NULL && !pass->lacks_lists)
        forget_lost(scrub, options.wanted, referenced, options.wanted_count);
    return true;
}

bool scrub_missing(struct scrub *scrub, const struct object *wanted, int wanted_count,
                   struct error *error)
{
    bool ok = true, again = true;

    for (int i = 0; ok && again && i < PASSES_MAX; i++) {
        struct pass pass = {scrub, false, false};
        apr_pool_t *own;

        apr_pool_create(&own, scrub->pool);
        ok = !scrub_stopped(scrub, error) &&
             run_pass(&again, &pass, wanted, wanted_count, own, error);
        apr_pool_destroy(own);
    }
    return ok;
}
