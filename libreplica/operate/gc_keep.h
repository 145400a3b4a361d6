/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what garbage collection keeps. Pure. Source: cvmfs-format 6.9. */
#ifndef REPLICA_OPERATE_GC_KEEP_H
#define REPLICA_OPERATE_GC_KEEP_H

#include "libreplica/format/manifest.h"
#include "libreplica/format/object.h"

/* Exactly one of two rules, and what readers may still need. */
struct gc_keep {
    bool by_time;
    int64_t revisions;     /* ancestors of the head that are kept; 0: the head alone */
    int64_t since_seconds; /* kept is what is not older, and the first that is */
    /* Besides, what was published at this time or later; 0: it does not matter. */
    int64_t in_use_since_seconds;
};

/* Going back from the head: whether the predecessor of a revision is kept, too.
 *   depth    of the revision, 0 for the head
 *   seconds  when it came to this server
 * By time this keeps the first revision that is older than the limit: it was current at
 * that time. The same holds for what is in use. */
bool gc_keep_goes_on(const struct gc_keep *keep, int64_t depth, int64_t seconds);

/* Whether a certificate, tag database or metainfo object is no longer needed.
 *   seconds          when it came to this server
 *   oldest_seconds   the same of the oldest kept revision, or of what was current when
 *                    the time began in which things are in use; tags do not count
 *   manifest         names the ones in use */
bool gc_keep_condemns(const struct object *object, int64_t seconds,
                      int64_t oldest_seconds, const struct manifest *manifest);

#endif
