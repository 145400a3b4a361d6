/* SPDX-License-Identifier: Apache-2.0 */
/* What hints of newer revisions do to one replica's schedule: a run at once, more if it
 * brings less than was promised, and never many. Pure: the caller gives the time. */
#ifndef REPLICA_SNAPSHOTD_HINT_PLAN_H
#define REPLICA_SNAPSHOTD_HINT_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_time.h>

/* All zero at first. */
struct hint_plan {
    int64_t wanted;           /* revision that is promised and not here; 0: none */
    bool is_late;             /* something was said while a run was under way */
    bool is_told;             /* the next run is one for a hint */
    bool was_kept;            /* the last run brought what was promised */
    int tries;                /* runs that did not bring it */
    int64_t missed;           /* the highest one that was given up */
    apr_time_t started;       /* the last run */
    apr_time_t next_doubtful; /* when one that may be a lie is looked into again */
};

/* A revision that is newer than what is served is said to be out.
 *   is_verified   its manifest is signed as it should be; else that cannot be told here
 * Returns when a run should start, 0: no other run than those that are due anyway. */
apr_time_t hint_plan_take(struct hint_plan *plan, int64_t revision, bool is_verified,
                          bool is_running, apr_time_t now);

/* A run that began at STARTED ended, and REVISION is served. Returns when the next one
 * should start, as hint_plan_take. */
apr_time_t hint_plan_ran(struct hint_plan *plan, int64_t revision, apr_time_t started,
                         apr_time_t now);

#endif
