/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs share: messages, repository names, giving root up. */
#include "replicactl/command.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <apr_strings.h>

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

static const char *with_domain(const struct command_context *context, const char *name)
{
    const char *domain = settings_text(context->server, SETTING_DEFAULT_DOMAIN);

    if (*domain == '\0' || strpbrk(name, ".*?[") != NULL)
        return name;
    return apr_pstrcat(context->pool, name, ".", domain, NULL);
}

bool command_repositories(apr_array_header_t **names,
                          const struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *configured;
    struct error error;

    if (!repository_names(&configured, context->confdir, context->pool, &error)) {
        command_fail(context, &error);
        return false;
    }
    *names = apr_array_make(context->pool, argc + 1, sizeof(const char *));
    if (argc == 0) {
        if (configured->nelts == 1) {
            *names = configured;
            return true;
        }
        fprintf(stderr, "%d repositories are configured: name the one you mean\n",
                configured->nelts);
        return false;
    }
    for (int i = 0; i < argc; i++)
        if (!add_matches(*names, configured, argv[i]) &&
            !add_matches(*names, configured, with_domain(context, argv[i]))) {
            fprintf(stderr, "The repository %s does not exist.\n", argv[i]);
            return false;
        }
    return true;
}

static int wait_for(pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_FATAL;
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
    return child < 0 ? EXIT_FATAL : wait_for(child);
}
