/* SPDX-License-Identifier: Apache-2.0 */
/* The progress of a snapshot: a line that moves on a terminal, plain lines elsewhere. */
#ifndef REPLICA_REPLICACTL_PROGRESS_H
#define REPLICA_REPLICACTL_PROGRESS_H

#include <apr_time.h>
#include "libreplica/replicate/catalog_walk.h"

struct progress {
    bool is_terminal;  /* of stdout */
    bool line_is_open; /* a moving line is on the screen */
    apr_time_t started;
    apr_time_t shown;
    int64_t shown_bytes;
    double rate; /* bytes a second, smoothed */
};

void progress_init(struct progress *progress);

/* For options that take `say` and `progress`; BATON is the struct progress. */
void progress_say(void *baton, const char *line);
void progress_show(void *baton, const struct catalog_walk_counters *counters);

/* Take the moving line away. */
void progress_end(struct progress *progress);

#endif
