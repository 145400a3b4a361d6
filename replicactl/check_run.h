/* SPDX-License-Identifier: Apache-2.0 */
/* One check and its last lines. */
#ifndef REPLICA_REPLICACTL_CHECK_RUN_H
#define REPLICA_REPLICACTL_CHECK_RUN_H

#include "libreplica/operate/check.h"
#include "replicactl/command.h"

/* Run, with the repository's public key, and say what was found by the options' `say`.
 * *clean: nothing is wrong any more.
 */
bool check_run(bool *clean, const struct command_context *context,
               const struct repository *repository, const struct check_options *options,
               struct error *error);

#endif
