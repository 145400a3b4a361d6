/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl snapshot -a: every replica of a group, oldest first, logged to files. */
#ifndef REPLICA_REPLICACTL_SNAPSHOT_ALL_H
#define REPLICA_REPLICACTL_SNAPSHOT_ALL_H

#include "replicactl/command.h"

struct snapshot_all_arguments {
    bool separate_logs;     /* -s */
    bool without_logrotate; /* -n */
    bool skip_initial;      /* -i */
    const char *group;      /* -g; "" takes the replicas without a group */
};

/* Returns 0 whatever the snapshots do: cron is to mail only what the administrator can
 * mend here (no log directory, no logrotate file). Source: stratum1-http-and-ops 3.3. */
int snapshot_all(struct command_context *context,
                 const struct snapshot_all_arguments *arguments);

#endif
