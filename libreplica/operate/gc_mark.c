/* SPDX-License-Identifier: Apache-2.0 */
/* Marking: everything that kept revisions and tags refer to. */
#include "libreplica/operate/gc_internal.h"

#include "libreplica/base/log.h"
#include "libreplica/format/history.h"
#include "libreplica/store/stored_catalog.h"

struct mark {
    struct gc *gc;
    bool is_required; /* what is being walked has to be complete */
};

static bool mark_object(struct gc *gc, const struct hash *hash, struct error *error)
{
    return sorted_records_add(gc->marked, hash->digest, error);
}

static bool mark_catalog(void *baton, const struct hash *hash, unsigned int depth,
                         struct catalog *catalog, struct error *error)
{
    struct gc *gc = ((struct mark *)baton)->gc;
    struct object object;
    bool more;

    gc->result->catalogs_kept++;
    if (!mark_object(gc, hash, error))
        return false;
    for (;;) {
        if (!catalog_next_object(catalog, &object, &more, error))
            return false;
        if (!more)
            return true;
        gc->result->references++;
        if (!mark_object(gc, &object.hash, error))
            return false;
    }
}

/* What a predecessor of the head lacks was never here: a snapshot does not ask for it.
 * But what cannot be read hides what it refers to. */
static bool lacks_catalog(void *baton, const struct hash *hash, unsigned int depth,
                          const struct error *reason, struct error *error)
{
    const struct mark *mark = baton;

    if (!mark->is_required && reason->code == ERROR_NOT_FOUND)
        return true;
    return error_set(
        error, reason->code, "%s: nothing is deleted before %s", reason->message,
        reason->code == ERROR_NOT_FOUND ? "it is there again" : "it is repaired");
}

/* When a root came here: what the reflog says, or else what the catalog itself says. */
static bool age_of(int64_t *seconds, struct gc *gc, const struct hash *hash,
                   struct catalog *catalog, struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    bool found;

    if (!reflog_find(gc->reflog, &object, seconds, &found, error))
        return false;
    if (!found)
        *seconds = catalog_properties(catalog)->last_modified_seconds;
    return true;
}

static void say_kept(const struct gc *gc, struct catalog *catalog, int64_t seconds)
{
    const struct catalog_properties *properties = catalog_properties(catalog);

    if (gc->options->lists)
        gc_say(gc, "Preserving Revision %lld (%lld / added @ %lld)",
               (long long)properties->revision,
               (long long)properties->last_modified_seconds, (long long)seconds);
}

/* Keep one root of the chain; *previous is the next one to keep, null if there is none.
 */
static bool keep_root(struct hash *previous, struct gc *gc, struct catalog_levels *levels,
                      const struct hash *hash, apr_pool_t *pool, struct error *error)
{
    int64_t depth = gc->result->roots_kept, seconds;
    struct catalog *catalog;
    bool found;

    *previous = (struct hash){HASH_UNSET};
    if (!stored_catalog_open(&catalog, &found, gc->store, hash,
                             gc->options->max_catalog_bytes, pool, error))
        return error_prefix(error, "nothing is deleted before it is repaired");
    /* The walk of the head's tree complains. */
    if (!found)
        return true;
    if (!age_of(&seconds, gc, hash, catalog, error) ||
        !catalog_levels_add_root(levels, hash, error))
        return false;
    say_kept(gc, catalog, seconds);
    if (gc->result->roots_kept++ == 0 || seconds < gc->oldest_seconds)
        gc->oldest_seconds = seconds;
    if (gc_keep_goes_on(&gc->options->keep, depth, seconds))
        *previous = catalog_properties(catalog)->previous_revision;
    return true;
}

static bool keep_chain(struct gc *gc, struct catalog_levels *levels, struct error *error)
{
    struct hash next = gc->manifest->catalog, hash;
    apr_pool_t *pool;
    bool ok = true;

    while (ok && !hash_is_null(&next)) {
        hash = next;
        apr_pool_create(&pool, gc->pool);
        ok = keep_root(&next, gc, levels, &hash, pool, error);
        apr_pool_destroy(pool);
    }
    return ok;
}

/* What was entered last before the time began in which things are in use was current
 * then: the publisher enters certificates and the like anew as long as they are. */
static bool find_in_use(void *baton, const struct object *object,
                        int64_t timestamp_seconds, struct error *error)
{
    struct gc *gc = baton;

    if (timestamp_seconds < gc->options->keep.in_use_since_seconds &&
        timestamp_seconds > gc->in_use_seconds)
        gc->in_use_seconds = timestamp_seconds;
    return true;
}

struct in_use {
    struct gc *gc;
    struct catalog_levels *levels;
};

static bool keep_in_use(void *baton, const struct object *object,
                        int64_t timestamp_seconds, struct error *error)
{
    const struct in_use *in_use = baton;
    struct store_status status;
    bool found;

    if (object->type != OBJECT_CATALOG ||
        timestamp_seconds < in_use->gc->options->keep.in_use_since_seconds)
        return true;
    if (!store_stat(in_use->gc->store, object, &status, &found, error))
        return false;
    return !found || catalog_levels_add_root(in_use->levels, &object->hash, error);
}

/* The chain of predecessors has what was published; the reflog has, besides, what came to
 * nothing or is on no chain. */
static bool keep_all_in_use(struct gc *gc, struct catalog_levels *levels,
                            struct error *error)
{
    struct in_use in_use = {gc, levels};

    gc->in_use_seconds = INT64_MIN;
    if (gc->options->keep.in_use_since_seconds == 0) {
        gc->in_use_seconds = INT64_MAX;
        return true;
    }
    return reflog_each(gc->reflog, find_in_use, gc, error) &&
           reflog_each(gc->reflog, keep_in_use, &in_use, error);
}

static bool keep_tags(struct gc *gc, struct catalog_levels *levels, struct error *error)
{
    for (int i = 0; i < gc->tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(gc->tags, i, struct tag);
        struct object object = {tag->catalog, OBJECT_CATALOG};
        struct store_status status;
        bool found;

        if (!store_stat(gc->store, &object, &status, &found, error))
            return false;
        /* The origin had dropped it before we could fetch it. */
        if (found && !catalog_levels_add_root(levels, &tag->catalog, error))
            return false;
    }
    return true;
}

bool gc_mark(struct gc *gc, struct error *error)
{
    struct mark mark = {gc, true};
    struct catalog_levels_options options = {
        .store = gc->store,
        .max_catalog_bytes = gc->options->max_catalog_bytes,
        .memory_bytes = GC_SMALL_SET_BYTES,
        .stop = gc->options->stop,
        .rules = gc->options->rules,
        .visit = mark_catalog,
        .lacks = lacks_catalog,
        .baton = &mark,
    };
    struct catalog_levels *levels;

    if (!sorted_records_create(&gc->marked, HASH_DIGEST_SIZE, GC_LARGE_SET_BYTES,
                               store_temporary(gc->store), gc->pool, error) ||
        !catalog_levels_create(&levels, &options, gc->pool, error) ||
        !catalog_levels_add_root(levels, &gc->manifest->catalog, error) ||
        !keep_tags(gc, levels, error) || !catalog_levels_run(levels, error))
        return false;
    mark.is_required = false;
    return keep_chain(gc, levels, error) && keep_all_in_use(gc, levels, error) &&
           catalog_levels_run(levels, error);
}
