/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying out the journal of garbage collection. */
#ifndef REPLICA_OPERATE_GC_SWEEP_H
#define REPLICA_OPERATE_GC_SWEEP_H

#include "libreplica/operate/gc_journal.h"

struct gc_sweep_options {
    const char *reflog_checksum_file;           /* in the spool */
    const char *deletion_log;                   /* a file; "": none */
    bool lists;                                 /* say each object's name */
    const volatile int *stop;                   /* may be NULL */
    void (*say)(void *baton, const char *line); /* may be NULL */
    void *baton;
};

/* Remove what the journal lists, from catalogs that nothing refers to down to data, each
 * step durable before the next; then their entries in the reflog; then the journal. To be
 * repeated after a crash, from the start. The caller holds the update lock.
 *   *removed   objects that the journal lists
 * False: ERROR_CANCELLED and the like; the journal stays. */
bool gc_sweep(int64_t *removed, struct store *store,
              const struct gc_sweep_options *options, apr_pool_t *pool,
              struct error *error);

/* If a run was cut off, finish it. A journal that is damaged, or that was overtaken by
 * somebody else's work on the tree, is dropped instead: the order in which it was carried
 * out so far left nothing incomplete. The caller holds the update lock, and has not
 * written anything yet.
 *   *finished   there was something to finish */
bool gc_recover(bool *finished, struct store *store, const char *fqrn,
                const struct gc_sweep_options *options, apr_pool_t *pool,
                struct error *error);

#endif
