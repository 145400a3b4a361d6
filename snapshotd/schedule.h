/* SPDX-License-Identifier: Apache-2.0 */
/* When which replica is due. Pure: the caller gives the time and the chance. */
#ifndef REPLICA_SNAPSHOTD_SCHEDULE_H
#define REPLICA_SNAPSHOTD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "snapshotd/hint_plan.h"

/* What the configuration says about a replica. Strings are copied. */
struct schedule_replica {
    const char *local_name;
    const char *upstream; /* server that it is replicated from; "" not known */
    int64_t priority;     /* the higher goes first */
    apr_time_t interval;
    apr_time_t last_snapshot; /* success; 0 never */
};

struct schedule_entry {
    const char *local_name;
    const char *upstream;
    int64_t priority;
    apr_time_t interval;
    apr_time_t last_snapshot; /* success; 0 never: first in line */
    apr_time_t next_start;    /* not before */
    bool is_running;
    bool is_failing; /* its last run failed */
    bool was_cut;    /* its last run ended with the daemon: the others go first */
    struct hint_plan hints;
    bool is_seen; /* for schedule_forget_unseen */
};

struct schedule {
    apr_pool_t *pool;
    apr_array_header_t *entries; /* of struct schedule_entry * */
};

struct schedule *schedule_create(apr_pool_t *pool);

/* The entry of a replica; a new one is due within one interval of NOW, or at once if its
 * last snapshot is older than that. */
struct schedule_entry *schedule_see(struct schedule *schedule,
                                    const struct schedule_replica *replica,
                                    apr_time_t now);

/* NULL: there is none. */
struct schedule_entry *schedule_find(struct schedule *schedule, const char *local_name);

/* Drop entries that were not seen since the last call and do not run. */
void schedule_forget_unseen(struct schedule *schedule);

/* The entry to start now: the first in the line of those that are due and whose upstream
 * serves fewer than PER_UPSTREAM running ones (0: no limit); NULL if there is none. *wake
 * is when to look again.
 *
 * The line goes by priority and, of equals, by the oldest snapshot. Each interval that an
 * entry waits beyond its time counts as one priority more, so nobody waits for ever. One
 * whose last run ended with the daemon comes last. */
struct schedule_entry *schedule_next(struct schedule *schedule, int64_t per_upstream,
                                     apr_time_t now, apr_time_t *wake);

/* How many are due, do not run and come before ENTRY, which is one of them; -1 if it is
 * not. */
int schedule_place(const struct schedule *schedule, const struct schedule_entry *entry,
                   apr_time_t now);

/* A run ended: the next one is PAUSE away, give or take a tenth.
 *   chance   any number; its value picks the place in that tenth */
void schedule_ran(struct schedule_entry *entry, bool succeeded, apr_time_t pause,
                  uint64_t chance, apr_time_t now);

/* Let ENTRY be due at WHEN, if it were not until later; 0: leave it. */
void schedule_hasten(struct schedule_entry *entry, apr_time_t when);

#endif
