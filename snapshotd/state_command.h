/* SPDX-License-Identifier: Apache-2.0 */
/* Telling an administrator that a replica began to fail, or is good again. */
#ifndef REPLICA_SNAPSHOTD_STATE_COMMAND_H
#define REPLICA_SNAPSHOTD_STATE_COMMAND_H

#include "snapshotd/job.h"

/* If this run has changed the replica's state, run COMMAND (an absolute path; "": none)
 * with the arguments NAME STATE MESSAGE; STATE is "failing" or "good". Nobody waits for
 * it; that it cannot be run is logged. Runs that found another update under way, or were
 * stopped, change nothing. */
void state_command_run(const char *command, const struct job *job);

/* The same for a state that another than a snapshot found: "damaged" or "whole",
 * "expiring" or "signed". */
void state_command_tell(const char *command, const char *name, const char *state,
                        const char *message);

#endif
