/* SPDX-License-Identifier: Apache-2.0 */
/* For how long readers of a Stratum 0 may need what is no longer current. */
#ifndef REPLICA_OPERATE_GC_GRACE_H
#define REPLICA_OPERATE_GC_GRACE_H

#include <apr_time.h>

#include "libreplica/base/settings.h"
#include "libreplica/operate/gc_keep.h"

/* Let KEEP hold what was current within REPLICA_GC_GRACE seconds before NOW. If that is
 * not set: a client looks for a new revision once in the manifest's TTL, caches on the
 * way may hold the manifest as long, and what it read last it may hold as long again;
 * zero: no time at all. Source: other-origins 3.4. */
void gc_keep_grace(struct gc_keep *keep, const struct settings *settings,
                   const struct manifest *manifest, apr_time_t now);

#endif
