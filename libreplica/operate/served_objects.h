/* SPDX-License-Identifier: Apache-2.0 */
/* What of a replica should exist: the head's catalogs and those of named snapshots that
 * are here, everything they refer to, and what the manifest names; of a partial replica
 * what its rules include. */
#ifndef REPLICA_OPERATE_SERVED_OBJECTS_H
#define REPLICA_OPERATE_SERVED_OBJECTS_H

#include "libreplica/store/store.h"

enum served_lack {
    SERVED_MISSING,
    SERVED_DAMAGED, /* it has no bytes, or cannot be read as a catalog */
    /* The root of a named snapshot: the origin may have dropped it before we came. */
    SERVED_MISSING_TAG
};

struct served_objects_options {
    struct store *store; /* its temporary folder gets the scratch files */
    int64_t max_catalog_bytes;
    bool looks_at_all;           /* else only at those wanted, and at catalogs */
    const struct object *wanted; /* in served_objects_compare's order */
    int wanted_count;
    const volatile int *stop; /* may be NULL */
    /* One that should be there and is not, or not as it should be. What is below such a
     * catalog is not looked at. */
    bool (*lacks)(void *baton, const struct object *object, enum served_lack lack,
                  struct error *error);
    void *baton;
};

int served_objects_compare(const void *a, const void *b);

/* Walk everything, in bounded memory. Takes no lock: if the manifest changed meanwhile,
 * what was found may belong to a revision that is gone, and ERROR_OUTDATED is returned.
 *   referenced   one for each of those wanted: whether something refers to it
 * False: ERROR_NOT_FOUND (nothing is served), ERROR_CANCELLED, and those of lacks and of
 * disk. */
bool served_objects_walk(bool *referenced, const struct served_objects_options *options,
                         apr_pool_t *pool, struct error *error);

#endif
