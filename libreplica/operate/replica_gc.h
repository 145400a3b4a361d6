/* SPDX-License-Identifier: Apache-2.0 */
/* Collect the garbage of one configured repository: preconditions, locks, the run itself,
 * status. */
#ifndef REPLICA_OPERATE_REPLICA_GC_H
#define REPLICA_OPERATE_REPLICA_GC_H

#include "libreplica/operate/gc.h"
#include "libreplica/operate/gc_sweep.h"
#include "libreplica/store/repository.h"

struct replica_gc_options {
    struct gc_keep keep;
    bool dry_run;
    bool lists;                                 /* say the name of each object */
    const char *deletion_log;                   /* NULL: CVMFS_GC_DELETION_LOG */
    const volatile int *stop;                   /* may be NULL */
    void (*say)(void *baton, const char *line); /* may be NULL */
    void *baton;
};

struct replica_gc_outcome {
    struct gc_result gc;
    bool was_skipped; /* pass-through, or empty: there is nothing to do */
};

/* As the owner of the repository. Takes the collect lock, which a check holds too, or
 * refuses; then waits for the update lock. After success last_gc is set, but not by a dry
 * run. False: ERROR_BUSY, ERROR_UNREACHABLE and the like (the upstream's manifest is not
 * to be had), and those of gc_run. Of a Stratum 0 also what was published within
 * REPLICA_GC_GRACE is kept (gc_grace.h).
 * Source: stratum1-http-and-ops 3.4. */
bool replica_gc(struct replica_gc_outcome *outcome, const struct repository *repository,
                const struct replica_gc_options *options, apr_pool_t *pool,
                struct error *error);

/* Whether our manifest allows collecting; false also if there is none. */
bool replica_gc_is_allowed(const struct repository *repository, apr_pool_t *pool);

/* Whether the upstream collected after we did: if not, all that there is to remove was
 * removed already. Asks the upstream. A Stratum 0 has none: true. */
bool replica_gc_is_wanted(const struct repository *repository, const volatile int *stop,
                          apr_pool_t *pool);

/* Set last_gc to WHEN though nothing was done, for monitors that watch it. */
bool replica_gc_note(const struct repository *repository, apr_time_t when,
                     apr_pool_t *pool, struct error *error);

/* For a snapshot or a publication, whose caller holds the update lock: whether
 * CVMFS_AUTO_GC asks for a collection now, and how. False: *due unset, ERROR_SETTING. */
bool replica_gc_is_due(bool *due, struct gc_keep *keep,
                       const struct repository *repository, struct store *store,
                       apr_time_t now, apr_pool_t *pool, struct error *error);

/* When all but the present revision and named ones is to be collected for
 * REPLICA_PROMPT_GC: as soon as no reader needs it. 0: never, there is nothing since.
 *   collected  when the last collection began; 0: not known, then last_gc counts */
bool replica_gc_next(apr_time_t *when, const struct repository *repository,
                     struct store *store, apr_time_t collected, apr_pool_t *pool,
                     struct error *error);

/* Collect under the update lock that the caller holds; ERROR_BUSY if a check or another
 * collection is at work. */
bool replica_gc_locked(struct gc_result *result, const struct repository *repository,
                       struct store *store, const struct replica_gc_options *options,
                       apr_pool_t *pool, struct error *error);

/* Finish a collection that was cut off; the caller holds the update lock. */
bool replica_gc_recover(const struct repository *repository, struct store *store,
                        const struct replica_gc_options *options, apr_pool_t *pool,
                        struct error *error);

#endif
