/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a snapshot: the manifest, after everything it promises. */
#include "libreplica/replicate/snapshot_internal.h"

#include <string.h>

#include "libreplica/replicate/small_object.h"
#include "libreplica/store/partial_replica.h"

/* The first object of the head that is missing or damaged; *broken false if there is
 * none. */
static bool find_broken(struct object *which, bool *broken, struct snapshot *snapshot,
                        struct error *error)
{
    struct object objects[MANIFEST_OBJECTS];
    bool intact;

    *broken = false;
    manifest_objects(objects, snapshot->ensemble.manifest);
    for (int i = 0; i < MANIFEST_OBJECTS; i++) {
        if (hash_is_null(&objects[i].hash))
            continue;
        if (!store_verify(snapshot->store, &objects[i], &intact, error))
            return false;
        if (!intact) {
            *which = objects[i];
            *broken = true;
            return true;
        }
    }
    return true;
}

/* A damaged head catalog must go: a catalog that is there vouches for its subtree. */
bool snapshot_head_is_intact(struct snapshot *snapshot, bool *intact, struct error *error)
{
    struct object broken;
    bool any;

    if (!find_broken(&broken, &any, snapshot, error))
        return false;
    *intact = !any;
    return !any || store_remove(snapshot->store, &broken, error);
}

bool snapshot_refresh_whitelist(struct snapshot *snapshot, struct error *error)
{
    struct text ours, theirs = snapshot->ensemble.whitelist_text;

    if (store_read(&ours, snapshot->store, WHITELIST_NAME, WHITELIST_SIZE_MAX,
                   snapshot->pool, NULL) &&
        ours.length == theirs.length &&
        memcmp(ours.bytes, theirs.bytes, ours.length) == 0)
        return true;
    return store_replace(snapshot->store, WHITELIST_NAME, theirs, error);
}

static bool put_certificate(struct snapshot *snapshot, struct error *error)
{
    struct object object = ensemble_certificate_object(&snapshot->ensemble);

    return small_object_put(snapshot->store, &object, snapshot->ensemble.certificate_text,
                            snapshot->pool, error);
}

static bool put_metainfo(struct snapshot *snapshot, struct error *error)
{
    struct object object = {snapshot->ensemble.manifest->metainfo, OBJECT_METAINFO};
    struct small_object_source source = {.fetcher = snapshot->fetcher,
                                         .store = snapshot->store};

    if (hash_is_null(&object.hash))
        return true;
    if (!small_object_get(&snapshot->metainfo_text, &source, &object, snapshot->pool,
                          error))
        return error_prefix(error, "metainfo");
    return small_object_put(snapshot->store, &object, snapshot->metainfo_text,
                            snapshot->pool, error);
}

static bool link_alternatives(struct snapshot *snapshot, struct error *error)
{
    struct object objects[MANIFEST_OBJECTS];

    if (!snapshot->ensemble.manifest->has_alternative_paths)
        return true;
    manifest_objects(objects, snapshot->ensemble.manifest);
    for (int i = 0; i < MANIFEST_OBJECTS; i++)
        if (!hash_is_null(&objects[i].hash) &&
            !store_link_alternative(snapshot->store, &objects[i], error))
            return false;
    return true;
}

/* The last look before the switch. It cannot fail unless something else removes or
 * damages objects under us; then clients must not be led to them. */
static bool check_closure(struct snapshot *snapshot, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    struct object broken;
    bool any;

    if (!find_broken(&broken, &any, snapshot, error))
        return false;
    if (any)
        return error_set(
            error, ERROR_NOT_FOUND,
            "object %s of revision %lld is missing or damaged although it was "
            "stored: the revision is not published",
            object_name(name, &broken), (long long)snapshot->ensemble.manifest->revision);
    return true;
}

/* Before the manifest: whoever reads both asks elsewhere for what may be missing here. */
static bool record_rules(struct snapshot *snapshot, struct error *error)
{
    return !snapshot->has_other_rules ||
           partial_replica_record(snapshot->store, snapshot->options->rules, error);
}

bool snapshot_finish(struct snapshot *snapshot, struct error *error)
{
    snapshot_say(snapshot, "Uploading manifest ensemble");
    if (!put_certificate(snapshot, error) || !put_metainfo(snapshot, error) ||
        !link_alternatives(snapshot, error) || !snapshot_update_reflog(snapshot, error) ||
        !store_barrier(snapshot->store, error) || !check_closure(snapshot, error) ||
        !snapshot_refresh_whitelist(snapshot, error) || !record_rules(snapshot, error) ||
        !store_replace(snapshot->store, MANIFEST_NAME, snapshot->ensemble.manifest_text,
                       error))
        return false;
    snapshot->result->revision = snapshot->ensemble.manifest->revision;
    snapshot->result->has_changed = true;
    return true;
}
