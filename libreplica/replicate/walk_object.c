/* SPDX-License-Identifier: Apache-2.0 */
/* The data objects of a walk: looked for in the store, asked for, stored. */
#include "libreplica/replicate/catalog_walk_internal.h"

static void object_stored(struct walk_object *object)
{
    struct catalog_walk *walk = object->walk;

    walk->counters.objects_fetched++;
    walk->counters.bytes_fetched += object->transfer.size;
    walk_wake(walk, &object->waiters);
}

static void object_arrived(struct object_transfer *transfer, const struct error *error)
{
    struct walk_object *object = transfer->baton;
    struct catalog_walk *walk = object->walk;
    struct error problem;

    if (error != NULL)
        walk_fail(walk, error);
    else if (!store_commit(transfer->file, &transfer->object, &problem) ||
             !walk_check_space(walk, &problem))
        walk_fail(walk, &problem);
    else
        object_stored(object);
    /* After a failure the waiting catalogs stay incomplete; nobody asks for them again.
     */
    object->waiters = NULL;
    apr_hash_set(walk->objects, &transfer->object, sizeof(transfer->object), NULL);
    object->next_spare = walk->spare_objects;
    walk->spare_objects = object;
}

static bool ask_for(struct catalog_walk *walk, struct walk_catalog *catalog,
                    const struct object *wanted, struct error *error)
{
    struct walk_object *object = walk->spare_objects;

    if (object != NULL)
        walk->spare_objects = object->next_spare;
    else
        object = apr_pcalloc(walk->pool, sizeof(*object));
    object->walk = walk;
    object->transfer.object = *wanted;
    object->transfer.done = object_arrived;
    object->transfer.baton = object;
    apr_hash_set(walk->objects, &object->transfer.object, sizeof(object->transfer.object),
                 object);
    walk_wait(walk, &object->waiters, catalog);
    return object_transfer_start(&object->transfer, walk->options.store,
                                 walk->options.fetcher, walk->options.max_object_bytes,
                                 walk->pool, error);
}

/* A file of no bytes is sound only if its name is the hash of no bytes. */
static bool is_in_store(struct catalog_walk *walk, const struct object *object,
                        bool *found, struct error *error)
{
    struct store_status status;

    walk->counters.store_lookups++;
    if (!store_stat(walk->options.store, object, &status, found, error))
        return false;
    if (*found && status.size == 0)
        return store_verify(walk->options.store, object, found, error);
    return true;
}

bool walk_next_object(struct catalog_walk *walk, bool *more, struct error *error)
{
    struct walk_catalog *catalog = walk->being_read;
    struct walk_object *under_way;
    struct object object;
    bool found;

    *more = catalog != NULL;
    if (catalog == NULL)
        return true;
    if (catalog->database == NULL && !walk_reopen_catalog(catalog, error))
        return error_prefix(error, "catalog at '%s'", catalog->path);
    if (!catalog_next_object(catalog->database, &object, &found, error))
        return error_prefix(error, "catalog at '%s'", catalog->path);
    if (!found) {
        walk->being_read = catalog->next;
        walk_end_reading(catalog);
        return true;
    }
    walk->counters.objects_seen++;
    if (walk_predecessor_has(catalog, &object)) {
        walk->counters.objects_known++;
        return true;
    }
    under_way = apr_hash_get(walk->objects, &object, sizeof(object));
    if (under_way != NULL) {
        walk_wait(walk, &under_way->waiters, catalog);
        return true;
    }
    if (!is_in_store(walk, &object, &found, error))
        return false;
    return found || ask_for(walk, catalog, &object, error);
}
