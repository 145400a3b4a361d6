/* SPDX-License-Identifier: Apache-2.0 */
/* What every verb of replicactl gets, and what the verbs share. */
#ifndef REPLICA_REPLICACTL_COMMAND_H
#define REPLICA_REPLICACTL_COMMAND_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/settings.h"
#include "libreplica/operate/owner.h"
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
 * without a dot get CVMFS_DEFAULT_DOMAIN; without any, the only configured one.
 *   names   array of const char *
 * Returns EXIT_OK; otherwise a message was printed. */
int command_repositories(apr_array_header_t **names,
                         const struct command_context *context, int argc, char **argv);
/* The same where it has to be one, with its configuration. */
int command_one_repository(struct repository **repository,
                           const struct command_context *context, int argc, char **argv);

/* Run WORK as the owner of the repository: in this process if we are that user, else, as
 * root, in a child that has given root up. Returns WORK's exit code. */
typedef int command_work(struct command_context *context,
                         const struct repository *repository, void *baton);
int command_run_as_owner(struct command_context *context,
                         const struct repository *repository, command_work *work,
                         void *baton);

/* A name without a dot gets CVMFS_DEFAULT_DOMAIN, if there is one. */
const char *command_full_name(const struct command_context *context, const char *name);

/* Whether this process may change DIRECTORIES (of const char *): as root, or because
 * they, or what of their parents is there, are writable. False: a message was printed,
 * which begins "Only root can <action>". */
bool command_may_change(const struct command_context *context, const char *action,
                        const apr_array_header_t *directories);
/* The directories that a new or changed repository needs: configuration, storage, spool.
 */
apr_array_header_t *command_directories(const struct command_context *context);

/* The owner of a repository to be: GIVEN, or who a terminal's user says, or the caller.
 * False: a message was printed. */
bool command_choose_owner(struct owner *owner, const struct command_context *context,
                          const char *name, const char *given);

/* Print QUESTION and read one line, without its LF. False at the end of the input. */
bool command_ask(char *reply, size_t size, const char *question);

/* Where logs are; and whether that directory is there, or could be made, and may be
 * written to. False: a message was printed. */
const char *command_log_directory(const struct command_context *context);
bool command_has_log_directory(const struct command_context *context);

/* For options that take a `say`: a line on stdout at once. */
void command_say(void *baton, const char *line);

/* Where keys are. */
const char *command_keys_directory(const struct command_context *context);
/* PATH as it is from anywhere. */
const char *command_absolute_path(const struct command_context *context,
                                  const char *path);

int cmd_add_replica(struct command_context *context, int argc, char **argv);
int cmd_adopt(struct command_context *context, int argc, char **argv);
int cmd_gc(struct command_context *context, int argc, char **argv);
int cmd_check(struct command_context *context, int argc, char **argv);
int cmd_clean(struct command_context *context, int argc, char **argv);
int cmd_client_config(struct command_context *context, int argc, char **argv);
int cmd_diff(struct command_context *context, int argc, char **argv);
int cmd_housekeeping(struct command_context *context, int argc, char **argv);
int cmd_import(struct command_context *context, int argc, char **argv);
int cmd_info(struct command_context *context, int argc, char **argv);
int cmd_ingest(struct command_context *context, int argc, char **argv);
int cmd_list(struct command_context *context, int argc, char **argv);
int cmd_list_catalogs(struct command_context *context, int argc, char **argv);
int cmd_mkfs(struct command_context *context, int argc, char **argv);
int cmd_notify(struct command_context *context, int argc, char **argv);
int cmd_proxy_config(struct command_context *context, int argc, char **argv);
int cmd_proxy_log(struct command_context *context, int argc, char **argv);
int cmd_publish(struct command_context *context, int argc, char **argv);
int cmd_renew_certificate(struct command_context *context, int argc, char **argv);
int cmd_resign(struct command_context *context, int argc, char **argv);
int cmd_rmfs(struct command_context *context, int argc, char **argv);
int cmd_rollback(struct command_context *context, int argc, char **argv);
int cmd_scrub(struct command_context *context, int argc, char **argv);
int cmd_snapshot(struct command_context *context, int argc, char **argv);
int cmd_status(struct command_context *context, int argc, char **argv);
int cmd_tag(struct command_context *context, int argc, char **argv);
int cmd_token(struct command_context *context, int argc, char **argv);
int cmd_update_geodb(struct command_context *context, int argc, char **argv);
int cmd_update_info(struct command_context *context, int argc, char **argv);

/* Verbs of the reference that this version lacks. */
bool command_is_absent(const char *verb);
int cmd_absent(struct command_context *context, int argc, char **argv);

#endif
