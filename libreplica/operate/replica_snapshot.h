/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot one configured replica: lock, markers, the run itself, status. */
#ifndef REPLICA_OPERATE_REPLICA_SNAPSHOT_H
#define REPLICA_OPERATE_REPLICA_SNAPSHOT_H

#include "libreplica/operate/replica_gc.h"
#include "libreplica/replicate/snapshot.h"
#include "libreplica/store/repository.h"

struct replica_snapshot_options {
    bool abort_on_conflict; /* do not wait for another update */
    bool passes_caches;     /* for the manifest: it is known that there is a newer one */
    int64_t accept_older;   /* SNAPSHOT_NO_OLDER, or the revision to take once */
    const volatile int *stop; /* may be NULL; nonzero ends the run */
    void (*say)(void *baton, const char *line);
    void (*progress)(void *baton, const struct catalog_walk_counters *counters);
    void *baton;
};

struct replica_snapshot_outcome {
    struct snapshot_result snapshot;
    bool was_initial;
    bool was_failing; /* the last run, says the status file */
    bool was_skipped; /* pass-through: there is nothing to do */
    /* The automatic garbage collection afterwards: its failure is no failure of the
     * snapshot. */
    bool has_collected;
    bool gc_failed;
    struct gc_result gc;
    struct error gc_error; /* if it failed */
};

/* As the owner of the repository. Takes the update lock, writes .cvmfs_is_snapshotting
 * while it runs, and after success .cvmfs_last_snapshot and .cvmfs_status.json; syslog
 * gets the reference's lines. A garbage collection that was cut off is finished first;
 * one that is due (CVMFS_AUTO_GC) is run last. False: ERROR_BUSY (another update; message
 * as the reference's), ERROR_USAGE (not a replica), ERROR_SETTING, and those of
 * snapshot_run. Source: cvmfs-format 6.2; stratum1-http-and-ops 3.3. */
bool replica_snapshot(struct replica_snapshot_outcome *outcome,
                      const struct repository *repository,
                      const struct replica_snapshot_options *options, apr_pool_t *pool,
                      struct error *error);

/* Remove .cvmfs_is_snapshotting and temporary files that a crash left, if nobody is at
 * work. *was_cut tells whether a run had been cut off. */
bool replica_clean_up(bool *was_cut, const struct repository *repository,
                      apr_pool_t *pool, struct error *error);

#endif
