/* SPDX-License-Identifier: Apache-2.0 */
/* When which replica is due. Pure: the caller gives the time and the chance. */
#ifndef REPLICA_SNAPSHOTD_SCHEDULE_H
#define REPLICA_SNAPSHOTD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

struct schedule_entry {
    const char *local_name;
    apr_time_t last_snapshot; /* success; 0 never: first in line */
    apr_time_t next_start;    /* not before */
    bool is_running;
    bool is_failing; /* its last run failed */
    bool was_cut;    /* its last run ended with the daemon: the others go first */
    bool is_seen;    /* for schedule_forget_unseen */
};

struct schedule {
    apr_pool_t *pool;
    apr_array_header_t *entries; /* of struct schedule_entry * */
};

struct schedule *schedule_create(apr_pool_t *pool);

/* The entry of a replica; a new one is due within one interval of NOW, or at once if its
 * last snapshot is older than that. */
struct schedule_entry *schedule_see(struct schedule *schedule, const char *local_name,
                                    apr_time_t last_snapshot, apr_time_t interval,
                                    apr_time_t now);

/* Drop entries that were not seen since the last call and do not run. */
void schedule_forget_unseen(struct schedule *schedule);

/* The entry to start now: of those that are due the one with the oldest snapshot; NULL if
 * none is. *wake is when to look again. */
struct schedule_entry *schedule_next(struct schedule *schedule, apr_time_t now,
                                     apr_time_t *wake);

/* A run ended: the next one is an interval away, give or take a tenth.
 *   chance   any number; its value picks the place in that tenth */
void schedule_ran(struct schedule_entry *entry, bool succeeded, apr_time_t interval,
                  uint64_t chance, apr_time_t now);

#endif
