/* SPDX-License-Identifier: Apache-2.0 */
/* Getting back objects of a replica that others found missing. */
#ifndef REPLICA_OPERATE_CHECK_SUSPECTS_H
#define REPLICA_OPERATE_CHECK_SUSPECTS_H

#include "libreplica/operate/check.h"

struct suspects_options {
    /* For so long locks are held, and for the timeout of each upstream but one that
     * hangs; what came is kept. */
    int hold_seconds;
    const volatile int *stop;                   /* may be NULL */
    void (*say)(void *baton, const char *line); /* may be NULL */
    void *baton;
};

/* What was stored: objects below catalogs included. */
struct suspects_result {
    int64_t missing; /* that were not there */
    int64_t damaged; /* that were there without their bytes */
    int64_t bytes;   /* received from upstreams, of use or not */
};

/* Fetch those of SUSPECTS that are not there, from any upstream; a catalog is stored only
 * after everything that it refers to, catalogs that are there are trusted in that.
 * True: each was tried; who wants to know which are there now looks. False: ERROR_BUSY
 * (an update, a collection or a check is at work: nobody is waited for), ERROR_CANCELLED
 * (stopped, or it took too long), and those of disk and settings. */
bool check_suspects(struct suspects_result *stored, const struct repository *repository,
                    const struct object *suspects, int count,
                    const struct suspects_options *options, apr_pool_t *pool,
                    struct error *error);

#endif
