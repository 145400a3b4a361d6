/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over the server of a reference installation in place, and giving it back. */
#ifndef REPLICA_OPERATE_ADOPT_H
#define REPLICA_OPERATE_ADOPT_H

#include "libreplica/base/settings.h"

struct adopt_options {
    const char *confdir;
    const struct settings *server;
    const char *root; /* before /etc and /var of cron, httpd, systemd; "" is here */
    const char *user; /* who replicas, spools, logs are to belong to */
    void (*say)(void *baton, const char *line); /* everything that people should read */
    void *baton;
    const volatile int *stop; /* nonzero: end with ERROR_CANCELLED; may be NULL */
};

/* Say what adopt_apply would change, what deserves a look, and what cannot be adopted.
 * Nothing is changed. *clean false: something cannot be adopted. False: ERROR_NOT_FOUND
 * (no such user), ERROR_EXISTS (adopted for another user), what cannot be read. */
bool adopt_check(bool *clean, const struct adopt_options *options, apr_pool_t *pool,
                 struct error *error);

/* Record all that will be changed in <confdir>/adopted.json, then change it. To be run
 * again after an interruption, an error, or when there are new repositories. *clean
 * false: something was left out. False: errors as above, and of changing. */
bool adopt_apply(bool *clean, const struct adopt_options *options, apr_pool_t *pool,
                 struct error *error);

/* Take back what the record says, last things first, then remove it; what was changed by
 * hand since is kept, and said. *clean false: something is not as it was before. To be
 * run again after an interruption. options->user is not looked at. False: ERROR_BUSY (a
 * replica or snapshotd is at work; nothing was begun), ERROR_BAD_FORMAT (the record),
 * errors of changing, once the rest was taken back. Source: docs/formats.md, "The record
 * of an adoption". */
bool adopt_undo(bool *clean, const struct adopt_options *options, apr_pool_t *pool,
                struct error *error);

#endif
