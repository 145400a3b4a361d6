/* SPDX-License-Identifier: Apache-2.0 */
/* Scrub a replica: read its whole store bit by bit, over and over; move aside what is not
 * what its name says, get that back, and look for what is missing. */
#ifndef REPLICA_OPERATE_SCRUB_H
#define REPLICA_OPERATE_SCRUB_H

#include "libreplica/store/repository.h"
#include "libreplica/store/scrub_state.h"

/* What an object costs at least, however small: finding it is work for the disk too. */
#define SCRUB_OBJECT_BYTES (16 * 1024)

struct scrub_options {
    bool reads;       /* begin a round, or go on with one; else only mend */
    bool begins_anew; /* a round under way does not count */
    bool waits;       /* for a scrub that is at work */
    bool tries;       /* mend what is open */
    apr_time_t
        until; /* give up for now, with the place kept, when it is that late; 0: never */
    const struct object *reported; /* that somebody asked for in vain */
    int reported_count;
    /* Called for every piece read, SCRUB_OBJECT_BYTES at least for each object; it may
     * take its time. May be NULL. */
    void (*pause)(void *baton, int64_t bytes);
    const volatile int *stop;                   /* may be NULL */
    void (*say)(void *baton, const char *line); /* may be NULL */
    void *baton;                                /* of both */
};

struct scrub_result {
    bool round_ended;
    struct scrub_counters round; /* the one that ended, or goes on */
    struct scrub_counters done;  /* in this call */
    int64_t open;
};

/* As the owner of the repository. Reading takes no lock; what is stored is stored under
 * the collect and the update lock, for seconds at most, and put off if these are taken.
 * The place is kept in <spool>/scrub.json at least every few seconds.
 * False: ERROR_BUSY (somebody else scrubs it), ERROR_USAGE (not a replica with a store),
 * ERROR_CANCELLED, ERROR_TOO_LARGE (too much is damaged that nobody gives: the round
 * waits), those of disk and settings. *result is set in any case. */
bool scrub_run(struct scrub_result *result, const struct repository *repository,
               const struct scrub_options *options, apr_pool_t *pool,
               struct error *error);

#endif
