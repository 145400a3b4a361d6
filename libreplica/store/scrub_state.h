/* SPDX-License-Identifier: Apache-2.0 */
/* Where the scrub of a replica is, and what it found: <spool>/scrub.json. */
#ifndef REPLICA_STORE_SCRUB_STATE_H
#define REPLICA_STORE_SCRUB_STATE_H

#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/store/repository.h"

/* More open findings are not noted: the scrub waits until some are mended. */
#define SCRUB_OPEN_MAX 1000

struct scrub_counters {
    int64_t objects; /* read */
    int64_t bytes;
    int64_t corrupt; /* found, empty ones too */
    int64_t missing;
    int64_t repaired;
};

struct scrub_finding {
    struct object object;
    bool is_missing;  /* else it was corrupt, and is in quarantine */
    apr_time_t since; /* when it was found */
};

struct scrub_state {
    apr_time_t round_started;     /* 0: no round has begun */
    int folder;                   /* of the store, to go on with */
    char after[OBJECT_NAME_SIZE]; /* the last object done in it; "" none */
    struct scrub_counters total;
    struct scrub_counters at_start; /* TOTAL when the round began */
    apr_time_t last_started;        /* the last round that ended; 0 none */
    apr_time_t last_ended;
    struct scrub_counters last;
    apr_time_t last_try;      /* to mend what is open */
    apr_array_header_t *open; /* of struct scrub_finding */
};

/* One that cannot be read, or is damaged, is a new one. POOL owns what *state points to.
 */
void scrub_state_read(struct scrub_state *state, const struct repository *repository,
                      apr_pool_t *pool);
/* By rename, so that a kill leaves the old or the new one. */
bool scrub_state_write(const struct scrub_state *state,
                       const struct repository *repository, apr_pool_t *pool,
                       struct error *error);

/* Of the round under way. */
struct scrub_counters scrub_state_round(const struct scrub_state *state);
/* How far it is, 0 to 99; -1: none has begun. */
int scrub_state_percent(const struct scrub_state *state);

#endif
