/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs in doubt that this run had no need to walk: after a crash those of the run
 * that was cut, which would vouch for objects that never reached the disk once the marker
 * is closed; under other rules all of them. */
#include "libreplica/replicate/snapshot_internal.h"

#include "libreplica/base/log.h"
#include "libreplica/format/catalog.h"

struct search {
    struct snapshot *snapshot;
    apr_array_header_t *doubtful; /* of struct hash */
};

static bool find_doubtful(void *baton, const struct object *object,
                          const struct store_status *status, struct error *error)
{
    struct search *search = baton;

    if (object->type == OBJECT_CATALOG &&
        (search->snapshot->has_other_rules ||
         dirty_marker_covers(&search->snapshot->marker, status)) &&
        !catalog_walk_has_stored(search->snapshot->walk, &object->hash))
        APR_ARRAY_PUSH(search->doubtful, struct hash) = object->hash;
    return true;
}

static bool has_object(bool *found, struct snapshot *snapshot,
                       const struct object *object, struct error *error)
{
    struct store_status status;

    return store_stat(snapshot->store, object, &status, found, error);
}

static bool has_all_nested(bool *complete, struct snapshot *snapshot,
                           struct catalog *catalog, struct error *error)
{
    struct catalog_nested nested;
    bool more = true;

    while (*complete) {
        struct object object = {.type = OBJECT_CATALOG};

        if (!catalog_next_nested(catalog, &nested, &more, error))
            return false;
        if (!more)
            return true;
        if (snapshot->options->rules != NULL &&
            partial_rules_exclude(snapshot->options->rules, nested.path))
            continue;
        object.hash = nested.hash;
        if (!has_object(complete, snapshot, &object, error))
            return false;
    }
    return true;
}

static bool has_all_objects(bool *complete, struct snapshot *snapshot,
                            struct catalog *catalog, struct error *error)
{
    struct object object;
    bool more = true;

    while (*complete) {
        if (!catalog_next_object(catalog, &object, &more, error))
            return false;
        if (!more)
            return true;
        if (!has_object(complete, snapshot, &object, error))
            return false;
    }
    return true;
}

/* Whether the store holds what a catalog refers to. */
static bool check(bool *complete, struct snapshot *snapshot, const struct hash *hash,
                  apr_pool_t *pool, struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    struct catalog *catalog;
    const char *path;

    *complete = true;
    return store_scratch_path(&path, snapshot->store, pool, error) &&
           snapshot_inflate_object(path, snapshot, &object, error) &&
           catalog_open(&catalog, path, pool, error) &&
           has_all_nested(complete, snapshot, catalog, error) &&
           has_all_objects(complete, snapshot, catalog, error);
}

/* *removed tells whether the catalog had to go. One that cannot be read vouches for
 * nothing either. */
static bool keep_or_remove(bool *removed, struct snapshot *snapshot,
                           const struct hash *hash, struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];
    bool ok, complete;
    apr_pool_t *own;

    *removed = false;
    if (snapshot->options->fetch.stop != NULL && *snapshot->options->fetch.stop)
        return error_set(error, ERROR_CANCELLED, "stopped while checking catalogs");
    apr_pool_create(&own, snapshot->pool);
    ok = check(&complete, snapshot, hash, own, error);
    apr_pool_destroy(own);
    if (!ok && error->code != ERROR_BAD_FORMAT && error->code != ERROR_UNSUPPORTED &&
        error->code != ERROR_TOO_LARGE)
        return error_prefix(error, "catalog %s", object_name(name, &object));
    *removed = !ok || !complete;
    if (!*removed)
        return true;
    log_write(LOG_LEVEL_WARNING, "recover removed=%s reason=incomplete-catalog",
              object_name(name, &object));
    snapshot->result->recovered_removed++;
    return store_remove(snapshot->store, &object, error);
}

/* Over and over: without it, whatever refers to a removed catalog is incomplete too. */
static bool remove_incomplete(struct snapshot *snapshot, apr_array_header_t *doubtful,
                              struct error *error)
{
    int left;

    do {
        left = 0;
        for (int i = 0; i < doubtful->nelts; i++) {
            struct hash hash = APR_ARRAY_IDX(doubtful, i, struct hash);
            bool removed;

            if (!keep_or_remove(&removed, snapshot, &hash, error))
                return false;
            if (!removed)
                APR_ARRAY_IDX(doubtful, left++, struct hash) = hash;
        }
        if (left == doubtful->nelts)
            return true;
        doubtful->nelts = left;
    } while (left > 0);
    return true;
}

bool snapshot_clear_doubts(struct snapshot *snapshot, struct error *error)
{
    struct search search = {snapshot, NULL};
    bool ok = true;

    if (!snapshot->marker.is_stale && !snapshot->has_other_rules)
        return true;
    search.doubtful = apr_array_make(snapshot->pool, 16, sizeof(struct hash));
    for (unsigned int folder = 0; ok && folder < STORE_FOLDERS; folder++)
        ok = store_list(snapshot->store, folder, find_doubtful, &search, error);
    return ok && remove_incomplete(snapshot, search.doubtful, error);
}
