/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share: messages, repository names, giving root up. */
#include "replicactl/command.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

int command_usage(const struct command_context *context, const char *verb,
                  const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n'%s help %s' shows how it is used\n", context->program, verb);
    return EXIT_USAGE_MESSAGE;
}

int command_fail(const struct command_context *context, const struct error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return EXIT_FATAL;
}

static bool add_matches(apr_array_header_t *names, const apr_array_header_t *configured,
                        const char *pattern)
{
    bool any = false;

    for (int i = 0; i < configured->nelts; i++) {
        const char *name = APR_ARRAY_IDX(configured, i, const char *);

        if (fnmatch(pattern, name, 0) == 0) {
            APR_ARRAY_PUSH(names, const char *) = name;
            any = true;
        }
    }
    return any;
}

const char *command_full_name(const struct command_context *context, const char *name)
{
    const char *domain = settings_text(context->server, SETTING_DEFAULT_DOMAIN);

    if (*domain == '\0' || strpbrk(name, ".*?[") != NULL)
        return name;
    return apr_pstrcat(context->pool, name, ".", domain, NULL);
}

int command_repositories(apr_array_header_t **names,
                         const struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *configured;
    struct error error;

    if (!repository_names(&configured, context->confdir, context->pool, &error))
        return command_fail(context, &error);
    *names = apr_array_make(context->pool, argc + 1, sizeof(const char *));
    if (argc == 0) {
        *names = configured;
        if (configured->nelts == 1)
            return EXIT_OK;
        fprintf(stderr, "Please provide a repository name: %d are configured\n",
                configured->nelts);
        return EXIT_USAGE_MESSAGE;
    }
    for (int i = 0; i < argc; i++)
        if (!add_matches(*names, configured, argv[i]) &&
            !add_matches(*names, configured, command_full_name(context, argv[i]))) {
            fprintf(stderr, "The repository %s does not exist.\n", argv[i]);
            return EXIT_FATAL;
        }
    return EXIT_OK;
}

int command_one_repository(struct repository **repository,
                           const struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *names;
    struct error error;
    int code = command_repositories(&names, context, argc, argv);

    if (code != EXIT_OK)
        return code;
    if (names->nelts != 1) {
        fprintf(stderr, "one repository, please\n");
        return EXIT_FATAL;
    }
    return repository_read(repository, context->confdir,
                           APR_ARRAY_IDX(names, 0, const char *), context->server,
                           context->pool, &error)
               ? EXIT_OK
               : command_fail(context, &error);
}

/* Who stops us means the work, and that is done by the child. */
static int wait_for(const struct command_context *context, pid_t child)
{
    int status;

    for (;;) {
        if (context->stop)
            kill(child, SIGTERM);
        if (waitpid(child, &status, 0) == child)
            break;
        if (errno != EINTR)
            return EXIT_FATAL;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FATAL;
}

static bool become(const struct passwd *user)
{
    return initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
           setuid(user->pw_uid) == 0;
}

int command_run_as_owner(struct command_context *context,
                         const struct repository *repository, command_work *work,
                         void *baton)
{
    const struct passwd *user;
    pid_t child;

    if (*repository->user == '\0')
        return work(context, repository, baton);
    errno = 0;
    user = getpwnam(repository->user);
    if (user == NULL) {
        fprintf(stderr, "%s: there is no user %s (CVMFS_USER)\n", repository->local_name,
                repository->user);
        return EXIT_FATAL;
    }
    if (geteuid() == user->pw_uid)
        return work(context, repository, baton);
    if (geteuid() != 0) {
        fprintf(stderr, "Permission denied: Repository %s is owned by %s\n",
                repository->local_name, repository->user);
        return EXIT_FATAL;
    }
    fflush(NULL);
    child = fork();
    if (child == 0) {
        int code = EXIT_FATAL;

        if (become(user))
            code = work(context, repository, baton);
        else
            fprintf(stderr, "cannot become %s: %s\n", repository->user, strerror(errno));
        fflush(NULL);
        _exit(code);
    }
    return child < 0 ? EXIT_FATAL : wait_for(context, child);
}

/* The path or the nearest of its parents that is there. */
static const char *existing_parent(const char *path, apr_pool_t *pool)
{
    char *parent = apr_pstrdup(pool, path), *slash;

    while (access(parent, F_OK) != 0 && errno == ENOENT &&
           (slash = strrchr(parent, '/')) != NULL && slash != parent)
        *slash = '\0';
    return parent;
}

bool command_may_change(const struct command_context *context, const char *action,
                        const apr_array_header_t *directories)
{
    if (geteuid() == 0)
        return true;
    for (int i = 0; i < directories->nelts; i++) {
        const char *path =
            existing_parent(APR_ARRAY_IDX(directories, i, const char *), context->pool);

        if (access(path, W_OK | X_OK) == 0)
            continue;
        fprintf(stderr,
                "Only root can %s: you may not write to %s.\n"
                "To work without root, let REPLICA_CONFDIR name a directory of yours "
                "and set\nREPLICA_STORAGE_DIR, REPLICA_SPOOL_DIR and REPLICA_LOG_DIR in "
                "its file replica.local.\n",
                action, path);
        return false;
    }
    return true;
}

apr_array_header_t *command_directories(const struct command_context *context)
{
    apr_array_header_t *paths = apr_array_make(context->pool, 4, sizeof(const char *));

    APR_ARRAY_PUSH(paths, const char *) =
        apr_pstrcat(context->pool, context->confdir, "/repositories.d", NULL);
    APR_ARRAY_PUSH(paths, const char *) =
        settings_text(context->server, SETTING_STORAGE_DIR);
    APR_ARRAY_PUSH(paths, const char *) =
        settings_text(context->server, SETTING_SERVER_SPOOL_DIR);
    return paths;
}

bool command_ask(char *reply, size_t size, const char *question)
{
    fputs(question, stdout);
    fflush(stdout);
    if (fgets(reply, (int)size, stdin) == NULL) {
        putchar('\n');
        return false;
    }
    reply[strcspn(reply, "\n")] = '\0';
    return true;
}

static const char *ask_owner(char *reply, size_t size, const char *name,
                             const char *current, apr_pool_t *pool)
{
    const char *question = apr_psprintf(pool, "Owner of %s [%s]: ", name, current);

    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "NOTE: no owner was given (-o): %s will belong to %s\n", name,
                current);
        return current;
    }
    return command_ask(reply, size, question) && *reply != '\0' ? reply : current;
}

bool command_choose_owner(struct owner *owner, const struct command_context *context,
                          const char *name, const char *given)
{
    const char *current = owner_current_name(context->pool);
    char reply[256];
    struct error error;

    if (given == NULL)
        given = ask_owner(reply, sizeof(reply), name, current, context->pool);
    if (!owner_find(owner, given, context->pool, &error)) {
        command_fail(context, &error);
        return false;
    }
    if (geteuid() == 0 || geteuid() == owner->uid)
        return true;
    fprintf(stderr, "Only root can create a repository for another user: you are %s\n",
            current);
    return false;
}

const char *command_log_directory(const struct command_context *context)
{
    return settings_text(context->server, SETTING_LOG_DIR);
}

bool command_has_log_directory(const struct command_context *context)
{
    const char *directory = command_log_directory(context);
    struct error error;

    if (!file_make_directory(directory, 0755, context->pool, &error)) {
        command_fail(context, &error);
        return false;
    }
    if (access(directory, W_OK) != 0) {
        fprintf(stderr, "cannot write to %s: %s\n", directory, strerror(errno));
        return false;
    }
    return true;
}

void command_say(void *baton, const char *line)
{
    puts(line);
    fflush(stdout);
}

const char *command_keys_directory(const struct command_context *context)
{
    return server_keys_directory(context->server, context->confdir, context->pool);
}

const char *command_absolute_path(const struct command_context *context, const char *path)
{
    char *current;

    if (*path == '/' || (current = getcwd(NULL, 0)) == NULL)
        return path;
    path = apr_pstrcat(context->pool, current, "/", path, NULL);
    free(current);
    return path;
}
