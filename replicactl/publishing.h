/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that change a Stratum 0 share. */
#ifndef REPLICA_REPLICACTL_PUBLISHING_H
#define REPLICA_REPLICACTL_PUBLISHING_H

#include "libreplica/publish/publish.h"
#include "replicactl/command.h"

/* What a verb does with a repository; TARGET is the repository's. Returns the exit code.
 */
typedef int publishing_work(struct command_context *context,
                            const struct publish_target *target, void *baton);

/* Run WORK on the Stratum 0 that ARGV names (without a name, on the only repository), as
 * its owner. CHANGES: holding the lock of updates, which is waited for. Returns WORK's
 * exit code, or another after a message. */
int publishing_run(struct command_context *context, int argc, char **argv, bool changes,
                   publishing_work *work, void *baton);

/* The same for what makes new revisions: after WORK's success garbage is collected, if
 * CVMFS_AUTO_GC says so and it is time. */
int publishing_run_collecting(struct command_context *context, int argc, char **argv,
                              publishing_work *work, void *baton);

/* What is done before a tree is published: syslog is told. */
void publishing_begin(const struct publish_target *target);

/* After a failure: syslog is told, too. Returns the exit code. */
int publishing_fail(struct command_context *context, const struct publish_target *target,
                    const struct error *error);

/* One line about the new revision, here and in syslog. */
void publishing_say(const struct publish_target *target,
                    const struct publish_result *result);

#endif
