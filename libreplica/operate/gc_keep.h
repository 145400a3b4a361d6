/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what garbage collection keeps. Pure. Source: cvmfs-format 6.9. */
#ifndef REPLICA_OPERATE_GC_KEEP_H
#define REPLICA_OPERATE_GC_KEEP_H

#include "libreplica/format/manifest.h"
#include "libreplica/format/object.h"

/* Exactly one of two rules. */
struct gc_keep {
    bool by_time;
    int64_t revisions;     /* ancestors of the head that are kept; 0: the head alone */
    int64_t since_seconds; /* kept is what is not older, and the first that is */
};

/* Going back from the head: whether the predecessor of a revision is kept, too.
 *   depth    of the revision, 0 for the head
 *   seconds  when it came to this server
 * By time this keeps the first revision that is older than the limit: it was current at
 * that time. */
bool gc_keep_goes_on(const struct gc_keep *keep, int64_t depth, int64_t seconds);

/* Whether a certificate, tag database or metainfo object is no longer needed.
 *   seconds          when it came to this server
 *   oldest_seconds   the same of the oldest kept revision; tags do not count
 *   manifest         names the ones in use */
bool gc_keep_condemns(const struct object *object, int64_t seconds,
                      int64_t oldest_seconds, const struct manifest *manifest);

#endif
