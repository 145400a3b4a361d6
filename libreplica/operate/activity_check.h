/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an activity message may be believed: by public keys alone. */
#ifndef REPLICA_OPERATE_ACTIVITY_CHECK_H
#define REPLICA_OPERATE_ACTIVITY_CHECK_H

#include <apr_time.h>
#include "libreplica/format/activity.h"
#include "libreplica/format/manifest.h"
#include "libreplica/operate/client_origin.h"
#include "libreplica/store/repository.h"

struct activity_check {
    const char *confdir;
    /* Where it comes from on a machine that has it configured as a client has; NULL: as a
     * server here has. */
    const struct client_origin *client;
    bool
        may_fetch; /* what the tree lacks, from the repository's servers; takes seconds */
    const volatile int *stop; /* may be NULL */
};

struct checked_activity {
    const struct manifest *manifest;
    apr_time_t expires; /* with the whitelist */
};

/* The repository named FQRN, by whatever local name it is configured as a server has it.
 * False: ERROR_NOT_FOUND, those of listing the configuration. */
bool activity_repository(struct repository **repository, const char *fqrn,
                         const char *confdir, const struct settings *server,
                         apr_pool_t *pool, struct error *error);

/* Check ACTIVITY for a repository that is configured here: its manifest is the
 * repository's own and signed with a certificate that a valid whitelist lists, which is
 * signed with one of the repository's master keys. Certificate and whitelist come from
 * the tree, those of a client from where it gets them.
 *   *checked   points into ACTIVITY and POOL
 * False: ERROR_NOT_FOUND (no such repository here, or a file is missing),
 * ERROR_NAME_MISMATCH, ERROR_BAD_SIGNATURE, ERROR_BAD_HASH, ERROR_BAD_FORMAT,
 * ERROR_EXPIRED, ERROR_NOT_LISTED, those of reading files and fetching. */
bool activity_check(struct checked_activity *checked, const struct activity *activity,
                    const struct activity_check *check, apr_time_t now, apr_pool_t *pool,
                    struct error *error);

#endif
