/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl check -a. */
#ifndef REPLICA_REPLICACTL_CHECK_ALL_H
#define REPLICA_REPLICACTL_CHECK_ALL_H

#include "libreplica/operate/check.h"
#include "replicactl/command.h"

/* Check the active replicas that were not checked for CVMFS_CHECK_ALL_MIN_DAYS, the one
 * whose last check is oldest first, logged to checks.log. Failures are in the log and the
 * status files; EXIT_FATAL only if no run can be made. Source: stratum1-http-and-ops 3.5.
 */
int check_all(struct command_context *context, struct check_options *options);

#endif
