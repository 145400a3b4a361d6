/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl gc -a: every replica that may be collected, logged to a file. */
#ifndef REPLICA_REPLICACTL_GC_ALL_H
#define REPLICA_REPLICACTL_GC_ALL_H

#include "libreplica/operate/replica_gc.h"
#include "replicactl/command.h"

struct gc_arguments {
    bool all;                 /* -a, -A */
    bool even_if_not_wanted;  /* -A */
    bool is_forced;           /* -f */
    bool is_dry_run;          /* -d */
    bool lists;               /* -l */
    const char *deletion_log; /* -L; NULL: as configured */
    const char *when;         /* -t; NULL: not given */
    int64_t revisions;        /* -r; -1: not given */
    struct gc_keep keep;      /* what comes of the last two */
};

/* How the library is to do it; SAY and BATON are the caller's. */
struct replica_gc_options gc_options(const struct command_context *context,
                                     const struct gc_arguments *arguments);

/* Reduce NAMES (of const char *) to the active replicas that may be collected and, with
 * -a, whose upstream has collected since; the others' last_gc is set nevertheless. *left
 * holds struct repository *. What is wrong with a configuration goes to the log. Returns
 * EXIT_OK; otherwise a message was printed. */
int gc_all_choose(apr_array_header_t **left, struct command_context *context,
                  const struct gc_arguments *arguments, const apr_array_header_t *names);

/* Collect these. Returns EXIT_OK whatever happens: cron is to mail only what the
 * administrator can mend here. Source: stratum1-http-and-ops 3.4. */
int gc_all(struct command_context *context, const struct gc_arguments *arguments,
           const apr_array_header_t *repositories);

#endif
