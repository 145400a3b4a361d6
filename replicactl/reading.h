/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that look into a repository's revisions share. */
#ifndef REPLICA_REPLICACTL_READING_H
#define REPLICA_REPLICACTL_READING_H

#include "replicactl/command.h"

/* Run WORK on the repository that ARGV names (without a name, on the only one), one with
 * a tree of its own, as its owner. Returns WORK's exit code, or another after a message.
 */
int reading_run(struct command_context *context, int argc, char **argv,
                command_work *work, void *baton);

/* A path of a repository on stdout, "" as "/"; control characters and backslashes, which
 * would make it two lines or another path, as \xNN. */
void reading_print_path(const char *path);

#endif
