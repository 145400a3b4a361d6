/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of replicactl gets, and what the verbs share. */
#ifndef REPLICA_REPLICACTL_COMMAND_H
#define REPLICA_REPLICACTL_COMMAND_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/settings.h"
#include "libreplica/store/repository.h"

/* The reference's exit codes. Source: stratum1-http-and-ops 3. */
enum exit_code { EXIT_OK = 0, EXIT_FATAL = 1, EXIT_USAGE = 2, EXIT_USAGE_MESSAGE = 3 };

struct command_context {
    const char *program;           /* as called: replicactl or cvmfs_server */
    const char *confdir;           /* /etc/cvmfs, or $REPLICA_CONFDIR */
    const struct settings *server; /* server.local, replica.local */
    apr_pool_t *pool;
    volatile int stop; /* set by INT, TERM and HUP */
};

struct command {
    const char *verb;
    const char *arguments; /* for the usage text */
    const char *sentence;
    /* ARGV[0] is the verb. Returns the exit code. */
    int (*run)(struct command_context *context, int argc, char **argv);
};

/* Usage errors: the message, the verb's usage line, EXIT_USAGE_MESSAGE. */
int command_usage(const struct command_context *context, const char *verb,
                  const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A failure on stderr: "<message>". Returns EXIT_FATAL. */
int command_fail(const struct command_context *context, const struct error *error);

/* The repositories that ARGV names: shell patterns against the configured ones; names
 * without a dot get CVMFS_DEFAULT_DOMAIN; without any, the only configured one. names
 * array of const char * False: a message was printed. */
bool command_repositories(apr_array_header_t **names,
                          const struct command_context *context, int argc, char **argv);

/* Run WORK as the owner of the repository: in this process if we are that user, else, as
 * root, in a child that has given root up. Returns WORK's exit code. */
typedef int command_work(struct command_context *context,
                         const struct repository *repository, void *baton);
int command_run_as_owner(struct command_context *context,
                         const struct repository *repository, command_work *work,
                         void *baton);

int cmd_snapshot(struct command_context *context, int argc, char **argv);

#endif
