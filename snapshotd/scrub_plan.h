/* SPDX-License-Identifier: Apache-2.0 */
/* Which replica is scrubbed or mended next. Pure: the caller gives the time. */
#ifndef REPLICA_SNAPSHOTD_SCRUB_PLAN_H
#define REPLICA_SNAPSHOTD_SCRUB_PLAN_H

#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/format/object.h"

/* More reports of one repository are dropped: what is missing is reported again. */
#define SCRUB_REPORTED_MAX 256

/* What is known of a replica; kept while the daemon runs. */
struct scrub_entry {
    const char *local_name;
    bool is_seen;          /* for daemon_scrub_forget_unseen */
    bool is_served;        /* it has had a snapshot */
    bool is_in_round;      /* one has begun */
    apr_time_t last_ended; /* of a round; 0 none */
    int64_t open;          /* findings */
    int percent;           /* of the round; -1 none */
    apr_time_t next_try;   /* to mend what is open */
    apr_time_t next_read;  /* not before; after a failure */
    apr_time_t next_look;  /* at what is reported */
    int reported_count;
    struct object reported[SCRUB_REPORTED_MAX]; /* sorted */
};

enum scrub_work { SCRUB_NOTHING, SCRUB_REPORTS, SCRUB_TRIES, SCRUB_READS };

/* What to do now, and to which of ENTRIES (of struct scrub_entry *): reports first, then
 * what is open, then the round under way, then the replica whose last round is longest
 * ago, if that is INTERVAL ago. Without READS no rounds. */
enum scrub_work scrub_plan_next(struct scrub_entry **entry,
                                const apr_array_header_t *entries, bool reads,
                                apr_time_t interval, apr_time_t now);

/* One more object that is said to be missing. False: known, or too many. */
bool scrub_entry_report(struct scrub_entry *entry, const struct object *object);

#endif
