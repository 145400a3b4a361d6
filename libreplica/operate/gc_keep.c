/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what garbage collection keeps. */
#include "libreplica/operate/gc_keep.h"

bool gc_keep_goes_on(const struct gc_keep *keep, int64_t depth, int64_t seconds)
{
    if (keep->in_use_since_seconds != 0 && seconds >= keep->in_use_since_seconds)
        return true;
    return keep->by_time ? seconds >= keep->since_seconds : depth < keep->revisions;
}

bool gc_keep_condemns(const struct object *object, int64_t seconds,
                      int64_t oldest_seconds, const struct manifest *manifest)
{
    return object->type != OBJECT_CATALOG && seconds < oldest_seconds &&
           !hash_equals(&object->hash, &manifest->certificate) &&
           !hash_equals(&object->hash, &manifest->history) &&
           !hash_equals(&object->hash, &manifest->metainfo);
}
