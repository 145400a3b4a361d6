/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds a new repository that is published here: configuration, keys, folders.
 */
#ifndef REPLICA_OPERATE_CREATE_REPOSITORY_H
#define REPLICA_OPERATE_CREATE_REPOSITORY_H

#include "libreplica/operate/new_folders.h"
#include "libreplica/operate/stratum0_configuration.h"
#include "libreplica/publish/publish.h"

struct create_repository {
    struct repository *repository; /* as the new files say */
    struct publish_target target;
    struct new_folders folders;
    const char *configuration; /* the directory of its files */
    bool had_keys;             /* so there may have been such a repository before */
};

/* Before the owner calls publish_create_repository: write the configuration, make or
 * import keys and hand them to the owner, make storage and spool.
 *   configuration   user is the owner's name
 *   imported_keys   directory of <fqrn>.masterkey and .key (.pub and .crt are made if
 * they are missing), or NULL: keys that are in place are used False: ERROR_EXISTS,
 * ERROR_NOT_FOUND (keys), ...; what was made is removed again, but keys. */
bool create_repository_prepare(struct create_repository *create,
                               const struct stratum0_configuration *configuration,
                               const struct owner *owner, const char *imported_keys,
                               const char *confdir, const struct settings *server,
                               apr_pool_t *pool, struct error *error);

/* Remove configuration, storage and spool; keys stay, for another try. */
void create_repository_undo(const struct create_repository *create);

#endif
