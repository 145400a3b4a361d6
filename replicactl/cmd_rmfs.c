/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl rmfs: take repositories away. */
#include "replicactl/command.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/remove_repository.h"

struct rmfs_arguments {
    bool is_forced;
    bool keeps_data;
};

/* *confirmed false: the answer was no. False: there was no answer. */
static bool confirm(bool *confirmed, const struct command_context *context,
                    const char *name, bool keeps_data)
{
    const char *question = apr_psprintf(
        context->pool,
        keeps_data ? "You are about to REMOVE THE CERNVM-FS REPOSITORY INFRASTRUCTURE "
                     "for %s!  Are you sure (y/N)? "
                   : "You are about to WIPE OUT THE CERNVM-FS REPOSITORY %s INCLUDING "
                     "SIGNING KEYS!  Are you sure (y/N)? ",
        name);
    char reply[64];

    if (!command_ask(reply, sizeof(reply), question)) {
        fprintf(stderr, "%s was not removed: there was no answer (-f does not ask)\n",
                name);
        return false;
    }
    *confirmed = strcasecmp(reply, "y") == 0;
    return true;
}

/* Half a removal is worse than none: an ordinary user owns all of it, or nothing is
 * begun. */
static bool may_remove(const struct command_context *context,
                       const struct repository *repository)
{
    apr_array_header_t *paths = command_directories(context);
    struct owner owner;
    struct error error;

    if (!command_may_change(context, "remove a repository", paths))
        return false;
    if (geteuid() == 0 || *repository->user == '\0')
        return true;
    if (!owner_find(&owner, repository->user, context->pool, &error)) {
        command_fail(context, &error);
        return false;
    }
    if (owner.uid == geteuid())
        return true;
    fprintf(stderr, "Permission denied: Repository %s is owned by %s\n",
            repository->local_name, repository->user);
    return false;
}

static int remove_one(const struct command_context *context, const char *name,
                      const struct rmfs_arguments *arguments)
{
    struct remove_repository_options options = {
        .keeps_data = arguments->keeps_data,
        .keys_dir = command_keys_directory(context),
        .say = command_say,
    };
    struct repository *repository;
    const char *problem;
    struct error error;
    bool confirmed = true;

    if (!repository_read_leniently(&repository, &problem, context->confdir, name,
                                   context->server, context->pool, &error))
        return command_fail(context, &error);
    if (!may_remove(context, repository) ||
        (!arguments->is_forced &&
         !confirm(&confirmed, context, name, arguments->keeps_data)))
        return EXIT_FATAL;
    if (!confirmed)
        return EXIT_OK;
    if (problem != NULL)
        fprintf(stderr, "%s\n", problem);
    if (!remove_repository(repository, context->confdir, context->server, &options,
                           context->pool, &error))
        return command_fail(context, &error);
    printf("CernVM-FS repository %s wiped out!\n", name);
    return EXIT_OK;
}

int cmd_rmfs(struct command_context *context, int argc, char **argv)
{
    struct rmfs_arguments arguments = {false, false};
    apr_array_header_t *names;
    int option, worst;

    while ((option = getopt(argc, argv, "+fp")) != -1)
        if (option == 'f')
            arguments.is_forced = true;
        else if (option == 'p')
            arguments.keeps_data = true;
        else
            return command_usage(context, "rmfs",
                                 "Command rmfs: Unrecognized option: -%c", optopt);
    worst = command_repositories(&names, context, argc - optind, argv + optind);
    if (worst != EXIT_OK)
        return worst;
    for (int i = 0; i < names->nelts && !context->stop; i++) {
        int code = remove_one(context, APR_ARRAY_IDX(names, i, const char *), &arguments);

        if (code != EXIT_OK)
            worst = code;
    }
    return worst;
}
