/* SPDX-License-Identifier: Apache-2.0 */
/* Telling an administrator. */
#include "snapshotd/state_command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "libreplica/base/log.h"
#include "libreplica/publish/keyring.h"

extern char **environ;

#define VARIABLES_MAX 1000

/* All of ours but keys: what is told is no secret. */
static void copy_environment(char *copy[VARIABLES_MAX + 1])
{
    int count = 0;

    for (char **variable = environ; *variable != NULL && count < VARIABLES_MAX;
         variable++)
        if (strncmp(*variable, KEYRING_MASTER_KEY, strlen(KEYRING_MASTER_KEY)) != 0)
            copy[count++] = *variable;
    copy[count] = NULL;
}

/* The command starts as programs do: with all signals, and without our descriptors, which
 * are closed by O_CLOEXEC. */
static int spawn(const char *command, const char *name, const char *state,
                 const char *message)
{
    char *const arguments[] = {(char *)command, (char *)name, (char *)state,
                               (char *)message, NULL};
    posix_spawn_file_actions_t files;
    char *environment[VARIABLES_MAX + 1];
    posix_spawnattr_t attributes;
    sigset_t none, ours;
    int status;
    pid_t pid;

    sigemptyset(&none);
    sigemptyset(&ours);
    sigaddset(&ours, SIGPIPE);
    sigaddset(&ours, SIGCHLD);
    copy_environment(environment);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ours);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    status = posix_spawn(&pid, command, &files, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return status;
}

static bool is_failure(const struct job *job)
{
    return !job->ok && job->error.code != ERROR_BUSY &&
           job->error.code != ERROR_CANCELLED;
}

void state_command_tell(const char *command, const char *name, const char *state,
                        const char *message)
{
    int status;

    log_write(LOG_LEVEL_INFO, "state repository=%s state=%s", name, state);
    if (*command == '\0')
        return;
    status = spawn(command, name, state, message);
    if (status != 0)
        log_write(LOG_LEVEL_ERROR, "REPLICA_STATE_COMMAND: cannot run %s: %s", command,
                  strerror(status));
}

void state_command_run(const char *command, const struct job *job)
{
    bool was_failing = job->outcome.was_failing || job->entry->is_failing;

    if (!job->ok && !is_failure(job))
        return;
    job->entry->is_failing = !job->ok;
    if (was_failing != !job->ok)
        state_command_tell(command, job->entry->local_name, job->ok ? "good" : "failing",
                           job->ok ? "" : job->error.message);
}
