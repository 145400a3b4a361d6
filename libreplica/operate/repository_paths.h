/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a repository's folders are its alone. */
#ifndef REPLICA_OPERATE_REPOSITORY_PATHS_H
#define REPLICA_OPERATE_REPOSITORY_PATHS_H

#include "libreplica/store/repository.h"

/* Before something is done to a whole storage and spool: that neither holds folders of
 * the server or of another repository. REFUSAL is what the message says of the path ("is
 * not removed"). False: ERROR_USAGE. */
bool repository_paths_check(const struct repository *repository, const char *confdir,
                            const char *keys_dir, const struct settings *server,
                            const char *refusal, apr_pool_t *pool, struct error *error);

#endif
