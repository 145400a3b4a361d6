/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl snapshot: one, several. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>

#include "libreplica/operate/replica_snapshot.h"

struct snapshot_arguments {
    bool abort_on_conflict;
    int64_t accept_older;
};

static void say(void *baton, const char *line)
{
    puts(line);
    fflush(stdout);
}

static int snapshot_one(struct command_context *context,
                        const struct repository *repository, void *baton)
{
    const struct snapshot_arguments *arguments = baton;
    struct replica_snapshot_options options = {
        .abort_on_conflict = arguments->abort_on_conflict,
        .accept_older = arguments->accept_older,
        .stop = &context->stop,
        .say = say,
    };
    struct replica_snapshot_outcome outcome;
    struct error error;

    if (!replica_snapshot(&outcome, repository, &options, context->pool, &error))
        return command_fail(context, &error);
    return EXIT_OK;
}

int cmd_snapshot(struct command_context *context, int argc, char **argv)
{
    static const struct option options[] = {
        {"accept-older", required_argument, NULL, 'o'}, {0}};
    struct snapshot_arguments arguments = {.accept_older = SNAPSHOT_NO_OLDER};
    apr_array_header_t *names;
    int option, worst = EXIT_OK;

    while ((option = getopt_long(argc, argv, "t", options, NULL)) != -1) {
        switch (option) {
        case 't':
            arguments.abort_on_conflict = true;
            break;
        case 'o':
            if (!text_parse_number(&arguments.accept_older, text_of(optarg)))
                return command_usage(context, "snapshot", "'%s' is no revision", optarg);
            break;
        default:
            return command_usage(context, "snapshot",
                                 "Command snapshot: unrecognized option");
        }
    }
    if (!command_repositories(&names, context, argc - optind, argv + optind))
        return EXIT_FATAL;
    for (int i = 0; i < names->nelts && !context->stop; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        struct repository *repository;
        struct error error;
        int code;

        code = repository_read(&repository, context->confdir, name, context->server,
                               context->pool, &error)
                   ? command_run_as_owner(context, repository, snapshot_one, &arguments)
                   : command_fail(context, &error);
        if (code != EXIT_OK)
            worst = code;
    }
    return worst;
}
