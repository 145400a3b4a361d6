/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl gc: one, several or all repositories. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <apr_strings.h>

#include "libreplica/base/date_phrase.h"
#include "libreplica/format/reflog.h"
#include "replicactl/gc_all.h"

#define DEFAULT_WHEN "3 days ago"

struct replica_gc_options gc_options(const struct command_context *context,
                                     const struct gc_arguments *arguments)
{
    return (struct replica_gc_options){
        .keep = arguments->keep,
        .dry_run = arguments->is_dry_run,
        .lists = arguments->lists,
        .deletion_log = arguments->deletion_log,
        .stop = &context->stop,
        .say = command_say,
    };
}

static bool take_option(struct gc_arguments *arguments,
                        const struct command_context *context, int option)
{
    switch (option) {
    case 'a':
        arguments->all = true;
        return true;
    case 'A':
        arguments->all = true;
        arguments->even_if_not_wanted = true;
        return true;
    case 'd':
        arguments->is_dry_run = true;
        return true;
    case 'f':
        arguments->is_forced = true;
        return true;
    case 'l':
        arguments->lists = true;
        return true;
    case 'L':
        arguments->deletion_log = command_absolute_path(context, optarg);
        return true;
    case 'r':
        return text_parse_number(&arguments->revisions, text_of(optarg));
    case 't':
        arguments->when = optarg;
        return true;
    default:
        return false;
    }
}

static bool choose_rule(struct gc_arguments *arguments, struct error *error)
{
    const char *when = arguments->when != NULL ? arguments->when : DEFAULT_WHEN;
    apr_time_t since;

    if (arguments->revisions >= 0 && arguments->when != NULL)
        return error_set(error, ERROR_USAGE,
                         "Please specify either timestamp OR revision thresholds (-r and "
                         "-t are mutual exclusive)");
    arguments->keep = (struct gc_keep){.revisions = arguments->revisions};
    if (arguments->revisions >= 0)
        return true;
    arguments->keep.by_time = true;
    if (!date_phrase_parse(&since, text_of(when), apr_time_now(), error))
        return false;
    arguments->keep.since_seconds = apr_time_sec(since);
    return true;
}

static bool has_reflog(const struct command_context *context,
                       const struct repository *repository)
{
    struct store_status status;
    struct store *store;
    bool found;

    return store_open(&store, repository->storage, repository->temporary, context->pool,
                      NULL) &&
           store_stat_file(store, REFLOG_NAME, &status, &found, NULL) && found;
}

static void describe(const struct command_context *context,
                     const struct gc_arguments *arguments,
                     const apr_array_header_t *repositories)
{
    time_t since = (time_t)arguments->keep.since_seconds;
    const char *names = "";
    bool complete = true;
    char date[64];
    struct tm t;

    for (int i = 0; i < repositories->nelts; i++) {
        const struct repository *repository =
            APR_ARRAY_IDX(repositories, i, struct repository *);

        names = apr_pstrcat(context->pool, names, i > 0 ? " " : "",
                            repository->local_name, NULL);
        complete = complete && has_reflog(context, repository);
    }
    printf("Affected Repositories:         %s\n"
           "Dry Run (no actual deletion):  %s\n"
           "Needs Reflog reconstruction:   %s\n",
           names, arguments->is_dry_run ? "yes" : "no", complete ? "no" : "yes");
    localtime_r(&since, &t);
    strftime(date, sizeof(date), "%Y/%m/%d %H:%M:%S", &t);
    if (arguments->keep.by_time)
        printf("Preserve Revisions newer than: %s\n", date);
    else
        printf("Preserved Legacy Revisions:    %lld\n",
               (long long)arguments->keep.revisions);
    if (!arguments->keep.by_time && arguments->keep.revisions == 0)
        puts("Only the latest revision will be preserved.");
    fflush(stdout);
}

/* Nobody has to confirm what removes nothing. */
static bool confirm(const struct command_context *context,
                    const struct gc_arguments *arguments,
                    const apr_array_header_t *repositories)
{
    bool asks = !arguments->is_forced && !arguments->is_dry_run;
    char reply[16];

    if (asks)
        puts("YOU ARE ABOUT TO DELETE DATA! Are you sure you want to do the following:");
    if (asks || !arguments->all)
        describe(context, arguments, repositories);
    if (!asks)
        return true;
    return command_ask(reply, sizeof(reply), "\nPlease confirm this action (y/N)? ") &&
           strcasecmp(reply, "y") == 0;
}

static int collect_one(struct command_context *context,
                       const struct repository *repository, void *baton)
{
    struct replica_gc_options options = gc_options(context, baton);
    struct replica_gc_outcome outcome;
    struct error error;

    return replica_gc(&outcome, repository, &options, context->pool, &error)
               ? EXIT_OK
               : command_fail(context, &error);
}

static int collect_named(struct command_context *context, struct gc_arguments *arguments,
                         const apr_array_header_t *repositories)
{
    int worst = EXIT_OK;

    for (int i = 0; i < repositories->nelts && !context->stop; i++) {
        int code = command_run_as_owner(
            context, APR_ARRAY_IDX(repositories, i, struct repository *), collect_one,
            arguments);

        if (code != EXIT_OK)
            worst = code;
    }
    return worst;
}

static int read_named(apr_array_header_t **repositories,
                      const struct command_context *context,
                      const apr_array_header_t *names)
{
    *repositories =
        apr_array_make(context->pool, names->nelts, sizeof(struct repository *));
    for (int i = 0; i < names->nelts; i++) {
        struct repository *repository;
        struct error error;

        if (!repository_read(&repository, context->confdir,
                             APR_ARRAY_IDX(names, i, const char *), context->server,
                             context->pool, &error))
            return command_fail(context, &error);
        APR_ARRAY_PUSH(*repositories, struct repository *) = repository;
    }
    return EXIT_OK;
}

int cmd_gc(struct command_context *context, int argc, char **argv)
{
    static char any[] = "*", *all[] = {any};
    struct gc_arguments arguments = {.revisions = -1};
    apr_array_header_t *names, *repositories;
    struct error error;
    int option, code;

    while ((option = getopt(argc, argv, "+ldr:t:faAL:")) != -1)
        if (!take_option(&arguments, context, option))
            return command_usage(context, "gc",
                                 option == 'r' ? "Command gc: -r wants a number"
                                               : "Command gc: Unrecognized option: -%c",
                                 optopt);
    if (!choose_rule(&arguments, &error))
        return command_fail(context, &error);
    if (arguments.all && optind == argc)
        code = command_repositories(&names, context, 1, all);
    else
        code = command_repositories(&names, context, argc - optind, argv + optind);
    if (code == EXIT_OK)
        code = arguments.all ? gc_all_choose(&repositories, context, &arguments, names)
                             : read_named(&repositories, context, names);
    if (code != EXIT_OK)
        return code;
    if (!confirm(context, &arguments, repositories))
        return EXIT_FATAL;
    return arguments.all ? gc_all(context, &arguments, repositories)
                         : collect_named(context, &arguments, repositories);
}
