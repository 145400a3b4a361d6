/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl snapshot: one, several or all replicas. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/operate/replica_snapshot.h"
#include "replicactl/progress.h"
#include "replicactl/snapshot_all.h"

struct snapshot_arguments {
    bool all;
    bool abort_on_conflict;
    int64_t accept_older;
    struct snapshot_all_arguments of_all;
    char all_options[8]; /* given options that need -a */
};

static int snapshot_one(struct command_context *context,
                        const struct repository *repository, void *baton)
{
    const struct snapshot_arguments *arguments = baton;
    struct progress progress;
    struct replica_snapshot_options options = {
        .abort_on_conflict = arguments->abort_on_conflict,
        .accept_older = arguments->accept_older,
        .stop = &context->stop,
        .say = progress_say,
        .progress = progress_show,
        .baton = &progress,
    };
    struct replica_snapshot_outcome outcome;
    struct error error;
    bool ok;

    progress_init(&progress);
    ok = replica_snapshot(&outcome, repository, &options, context->pool, &error);
    progress_end(&progress);
    if (ok && outcome.gc_failed)
        return command_fail(context, &outcome.gc_error);
    return ok ? EXIT_OK : command_fail(context, &error);
}

static int snapshot_named(struct command_context *context,
                          struct snapshot_arguments *arguments, int argc, char **argv)
{
    apr_array_header_t *names;
    int worst = command_repositories(&names, context, argc, argv);

    if (worst != EXIT_OK)
        return worst;
    for (int i = 0; i < names->nelts && !context->stop; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        struct repository *repository;
        struct error error;
        int code;

        code = repository_read(&repository, context->confdir, name, context->server,
                               context->pool, &error)
                   ? command_run_as_owner(context, repository, snapshot_one, arguments)
                   : command_fail(context, &error);
        if (code != EXIT_OK)
            worst = code;
    }
    return worst;
}

static bool take_option(struct snapshot_arguments *arguments, int option)
{
    size_t length = strlen(arguments->all_options);

    if (strchr("snig", option) != NULL && strchr(arguments->all_options, option) == NULL)
        arguments->all_options[length] = (char)option;
    switch (option) {
    case 'a':
        arguments->all = true;
        return true;
    case 't':
        arguments->abort_on_conflict = true;
        return true;
    case 's':
        arguments->of_all.separate_logs = true;
        return true;
    case 'n':
        arguments->of_all.without_logrotate = true;
        return true;
    case 'i':
        arguments->of_all.skip_initial = true;
        return true;
    case 'g':
        arguments->of_all.group = optarg;
        return true;
    case 'o':
        return text_parse_number(&arguments->accept_older, text_of(optarg));
    default:
        return false;
    }
}

int cmd_snapshot(struct command_context *context, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"accept-older", required_argument, NULL, 'o'}, {0}};
    struct snapshot_arguments arguments = {.accept_older = SNAPSHOT_NO_OLDER,
                                           .of_all = {.group = ""}};
    int option;

    while ((option = getopt_long(argc, argv, "+atsnig:", long_options, NULL)) != -1)
        if (!take_option(&arguments, option))
            return command_usage(context, "snapshot",
                                 option == 'o'
                                     ? "Command snapshot: --accept-older wants a revision"
                                     : "Command snapshot: Unrecognized option");
    if (arguments.all && arguments.accept_older != SNAPSHOT_NO_OLDER)
        return command_usage(context, "snapshot",
                             "Command snapshot: --accept-older is for one repository");
    if (arguments.all && optind < argc) {
        fprintf(stderr, "no non-option parameters expected with -a\n");
        return EXIT_FATAL;
    }
    if (arguments.all)
        return snapshot_all(context, &arguments.of_all);
    if (*arguments.all_options != '\0')
        return command_usage(context, "snapshot",
                             "Command snapshot: -%s unrecognized without -a",
                             arguments.all_options);
    return snapshot_named(context, &arguments, argc - optind, argv + optind);
}
