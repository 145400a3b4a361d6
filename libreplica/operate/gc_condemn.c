/* SPDX-License-Identifier: Apache-2.0 */
/* What is to go: the trees of the roots that are not kept, less what is marked. */
#include "libreplica/operate/gc_internal.h"

#include <string.h>

#include "libreplica/base/log.h"
#include "libreplica/store/stored_catalog.h"

static bool condemn_catalog(struct gc *gc, const struct hash *hash, unsigned int depth,
                            struct error *error)
{
    unsigned char ranked[GC_RANKED_SIZE] = {(unsigned char)(depth >> 8),
                                            (unsigned char)depth};

    catalog_key_write(ranked + 2, hash);
    return sorted_records_add(gc->catalogs, ranked, error);
}

static bool condemn_objects(struct gc *gc, struct catalog *catalog, struct error *error)
{
    unsigned char candidate[GC_CANDIDATE_SIZE];
    struct object object;
    bool more;

    for (;;) {
        if (!catalog_next_object(catalog, &object, &more, error))
            return false;
        if (!more)
            return true;
        catalog_key_write(candidate, &object.hash);
        candidate[CATALOG_KEY_SIZE] = (unsigned char)object.type;
        if (!sorted_records_add(gc->candidates, candidate, error))
            return false;
    }
}

static bool visit_catalog(void *baton, const struct hash *hash, unsigned int depth,
                          struct catalog *catalog, struct error *error)
{
    return condemn_catalog(baton, hash, depth, error) &&
           condemn_objects(baton, catalog, error);
}

/* A tree that is partly gone was begun to be removed before. What a damaged catalog
 * refers to stays for ever, but that is no reason to keep all the rest. */
static bool lacks_catalog(void *baton, const struct hash *hash, unsigned int depth,
                          const struct error *reason, struct error *error)
{
    const struct gc *gc = baton;

    /* Left out by the rules. */
    if (gc->options->rules != NULL && depth > 0 && reason->code == ERROR_NOT_FOUND)
        return true;
    if (reason->code != ERROR_NOT_FOUND)
        log_write(LOG_LEVEL_WARNING, "gc condemned catalog cannot be read: %s",
                  reason->message);
    return condemn_catalog(baton, hash, depth, error);
}

static bool add_root(void *baton, const struct object *object, int64_t timestamp_seconds,
                     struct error *error)
{
    struct gc *gc = baton;
    int64_t oldest =
        gc->in_use_seconds < gc->oldest_seconds ? gc->in_use_seconds : gc->oldest_seconds;

    if (object->type == OBJECT_CATALOG)
        return catalog_levels_add_root(gc->condemned_trees, &object->hash, error);
    if (gc_keep_condemns(object, timestamp_seconds, oldest, gc->manifest))
        APR_ARRAY_PUSH(gc->auxiliary, struct object) = *object;
    return true;
}

static bool note_catalog(void *baton, const struct object *object, struct error *error)
{
    unsigned char key[CATALOG_KEY_SIZE];

    catalog_key_write(key, &object->hash);
    return sorted_records_add(baton, key, error);
}

/* What is to be done with the catalogs that no kept and no condemned tree has. */
struct leftovers {
    struct gc *gc;
    struct sorted_records *present; /* keys of all catalogs in the store */
    apr_time_t published;           /* when our manifest got here */
    bool are_old; /* look at those from before that, else at the others */
};

static bool is_old(bool *old, const struct leftovers *leftovers, const struct hash *hash,
                   struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    struct store_status status;
    bool found;

    if (!store_stat(leftovers->gc->store, &object, &status, &found, error))
        return false;
    *old = found && status.changed < leftovers->published;
    return true;
}

/* What a snapshot has fetched that was cut off since, the next one will find useful; what
 * is older is of no use to anybody. */
static bool condemn_leftover(struct leftovers *leftovers, const struct hash *hash,
                             struct error *error)
{
    struct gc *gc = leftovers->gc;
    unsigned int depth = 0;
    struct catalog *catalog;
    apr_pool_t *pool;
    bool ok, found;

    apr_pool_create(&pool, gc->pool);
    ok = stored_catalog_open(&catalog, &found, gc->store, hash,
                             gc->options->max_catalog_bytes, pool, error);
    if (ok && found) {
        depth = catalog_levels_depth(catalog_properties(catalog)->root_prefix);
        ok = !leftovers->are_old || condemn_objects(gc, catalog, error);
    }
    apr_pool_destroy(pool);
    if (!ok && error->code != ERROR_BAD_FORMAT && error->code != ERROR_UNSUPPORTED &&
        error->code != ERROR_TOO_LARGE)
        return false;
    gc->result->leftovers++;
    return condemn_catalog(gc, hash, depth, error);
}

static bool look_at_leftover(struct leftovers *leftovers, const unsigned char *key,
                             struct error *error)
{
    struct hash hash;
    bool old;

    catalog_key_read(&hash, key);
    return is_old(&old, leftovers, &hash, error) &&
           (old != leftovers->are_old || condemn_leftover(leftovers, &hash, error));
}

static bool condemn_some(struct leftovers *leftovers, bool are_old, struct error *error)
{
    struct gc *gc = leftovers->gc;
    struct sorted_records *seen = catalog_levels_seen(gc->condemned_trees);
    unsigned char key[CATALOG_KEY_SIZE];
    bool more, known;

    leftovers->are_old = are_old;
    if (!sorted_records_rewind(leftovers->present, error) ||
        !sorted_records_rewind(gc->marked, error) || !sorted_records_rewind(seen, error))
        return false;
    for (;;) {
        if (!sorted_records_next(leftovers->present, key, &more, error))
            return false;
        if (!more)
            return true;
        if (!sorted_records_find(gc->marked, key, HASH_DIGEST_SIZE, &known, error) ||
            (!known && !sorted_records_find(seen, key, CATALOG_KEY_SIZE, &known, error)))
            return false;
        if (!known && !look_at_leftover(leftovers, key, error))
            return false;
    }
}

static bool list_present(struct leftovers *leftovers, struct error *error)
{
    struct gc *gc = leftovers->gc;
    struct store_status status;
    bool found, ok;

    if (!store_stat_file(gc->store, MANIFEST_NAME, &status, &found, error) ||
        !sorted_records_create(&leftovers->present, CATALOG_KEY_SIZE, GC_SMALL_SET_BYTES,
                               store_temporary(gc->store), gc->pool, error))
        return false;
    leftovers->published = found ? status.changed : 0;
    ok = true;
    for (unsigned int folder = 0; ok && folder < STORE_FOLDERS; folder++)
        ok = store_list_type(gc->store, folder, OBJECT_CATALOG, note_catalog,
                             leftovers->present, error);
    return ok;
}

/* Snapshots that were cut off leave catalogs that are complete and that the next snapshot
 * would trust, without looking whether all that they refer to is still there. No root
 * leads to them, nor to those that the rules of a partial replica no longer include: they
 * go before anything else does, and are fetched again if need be. If nothing else goes,
 * those of a snapshot that was cut off may stay. */
static bool condemn_leftovers(struct gc *gc, struct error *error)
{
    struct leftovers leftovers = {.gc = gc};
    int64_t catalogs;

    return list_present(&leftovers, error) && condemn_some(&leftovers, true, error) &&
           sorted_records_count(gc->catalogs, &catalogs, error) &&
           (catalogs == 0 || condemn_some(&leftovers, false, error));
}

bool gc_condemn(struct gc *gc, struct error *error)
{
    struct catalog_levels_options options = {
        .store = gc->store,
        .max_catalog_bytes = gc->options->max_catalog_bytes,
        .memory_bytes = GC_SMALL_SET_BYTES,
        .stop = gc->options->stop,
        .passed_over = gc->marked,
        .visit = visit_catalog,
        .lacks = lacks_catalog,
        .baton = gc,
    };
    const char *folder = store_temporary(gc->store);
    int64_t catalogs;

    gc->auxiliary = apr_array_make(gc->pool, 16, sizeof(struct object));
    if (!sorted_records_create(&gc->catalogs, GC_RANKED_SIZE, GC_SMALL_SET_BYTES, folder,
                               gc->pool, error) ||
        !sorted_records_create(&gc->candidates, GC_CANDIDATE_SIZE, GC_LARGE_SET_BYTES,
                               folder, gc->pool, error) ||
        !catalog_levels_create(&gc->condemned_trees, &options, gc->pool, error) ||
        !reflog_each(gc->reflog, add_root, gc, error) ||
        !catalog_levels_run(gc->condemned_trees, error) ||
        !sorted_records_count(gc->catalogs, &catalogs, error))
        return false;
    if ((catalogs > 0 || gc->options->rules != NULL) &&
        (!condemn_leftovers(gc, error) ||
         !sorted_records_count(gc->catalogs, &catalogs, error)))
        return false;
    gc->is_clean = catalogs == 0 && gc->auxiliary->nelts == 0;
    return true;
}

static bool each_catalog(struct gc *gc, gc_condemned_visit *visit, void *baton,
                         struct error *error)
{
    struct object object = {.type = OBJECT_CATALOG};
    unsigned char ranked[GC_RANKED_SIZE];
    unsigned int depth;
    bool more;

    if (!sorted_records_rewind(gc->catalogs, error))
        return false;
    for (;;) {
        if (!sorted_records_next(gc->catalogs, ranked, &more, error))
            return false;
        if (!more)
            return true;
        depth = (unsigned int)ranked[0] << 8 | ranked[1];
        catalog_key_read(&object.hash, ranked + 2);
        gc->result->catalogs_condemned++;
        gc->result->roots_condemned += depth == 0;
        if (!visit(baton, GC_SECTION_CATALOGS, depth, &object, error))
            return false;
    }
}

static bool each_object(struct gc *gc, gc_condemned_visit *visit, void *baton,
                        struct error *error)
{
    unsigned char candidate[GC_CANDIDATE_SIZE];
    struct object object;
    bool more, kept;

    if (!sorted_records_rewind(gc->candidates, error) ||
        !sorted_records_rewind(gc->marked, error))
        return false;
    for (;;) {
        if (!sorted_records_next(gc->candidates, candidate, &more, error))
            return false;
        if (!more)
            return true;
        if (!sorted_records_find(gc->marked, candidate, HASH_DIGEST_SIZE, &kept, error))
            return false;
        if (kept)
            continue;
        catalog_key_read(&object.hash, candidate);
        object.type = (enum object_type)candidate[CATALOG_KEY_SIZE];
        gc->result->objects_condemned++;
        if (!visit(baton, GC_SECTION_DATA, 0, &object, error))
            return false;
    }
}

bool gc_each_condemned(struct gc *gc, gc_condemned_visit *visit, void *baton,
                       struct error *error)
{
    if (!each_catalog(gc, visit, baton, error) || !each_object(gc, visit, baton, error))
        return false;
    for (int i = 0; i < gc->auxiliary->nelts; i++) {
        gc->result->auxiliary_condemned++;
        if (!visit(baton, GC_SECTION_AUXILIARY, 0,
                   &APR_ARRAY_IDX(gc->auxiliary, i, struct object), error))
            return false;
    }
    return true;
}
