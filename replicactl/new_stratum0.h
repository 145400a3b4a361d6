/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that begin to publish a repository here share. */
#ifndef REPLICA_REPLICACTL_NEW_STRATUM0_H
#define REPLICA_REPLICACTL_NEW_STRATUM0_H

#include "libreplica/operate/stratum0_configuration.h"
#include "replicactl/command.h"

/* False: ERROR_USAGE (it is no name), ERROR_EXISTS (there is such a repository). */
bool new_stratum0_check_name(const char *fqrn, const struct command_context *context,
                             struct error *error);

/* Set storage, spool and keys, and the URL if it is not set. UPSTREAM is -u, or NULL.
 * False: ERROR_SETTING (it is malformed), ERROR_UNSUPPORTED. */
bool new_stratum0_places(struct stratum0_configuration *configuration,
                         const char *upstream, const struct command_context *context,
                         struct error *error);

#endif
