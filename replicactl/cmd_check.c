/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl check: one repository, or all whose turn it is. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/operate/check_record.h"
#include "replicactl/check_all.h"
#include "replicactl/check_run.h"

static int check_one(struct command_context *context, const struct repository *repository,
                     void *baton)
{
    struct check_options *options = baton;
    struct error error;
    bool clean;

    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH)) {
        command_say(NULL, "Pass-through repository, nothing to check");
        return EXIT_OK;
    }
    options->stop = &context->stop;
    options->say = command_say;
    if (!check_run(&clean, context, repository, options, &error))
        return command_fail(context, &error);
    if (clean && !check_record_if_known(repository, context->pool, &error))
        return command_fail(context, &error);
    return clean ? EXIT_OK : EXIT_FATAL;
}

static int check_named(struct command_context *context, struct check_options *options,
                       int argc, char **argv)
{
    apr_array_header_t *names;
    struct repository *repository;
    struct error error;
    int code = command_repositories(&names, context, argc, argv);

    if (code != EXIT_OK)
        return code;
    if (names->nelts != 1)
        return command_usage(context, "check", "Command check: one repository at a time");
    if (!repository_read(&repository, context->confdir,
                         APR_ARRAY_IDX(names, 0, const char *), context->server,
                         context->pool, &error))
        return command_fail(context, &error);
    return command_run_as_owner(context, repository, check_one, options);
}

static bool take_option(struct check_options *options, bool *all, int option)
{
    switch (option) {
    case 'a':
        *all = true;
        return true;
    case 'c':
        options->skips_objects = true;
        return true;
    case 'i':
        options->reads_objects = true;
        return true;
    case 't':
        options->tag = optarg;
        return true;
    case 's':
        options->subtree = optarg;
        return true;
    case 'r':
        options->repairs_reflog = true;
        return true;
    case 'R':
        options->repairs = true;
        options->repairs_reflog = true;
        return true;
    default:
        return false;
    }
}

int cmd_check(struct command_context *context, int argc, char **argv)
{
    static const struct option long_options[] = {{"repair", no_argument, NULL, 'R'}, {0}};
    struct check_options options = {0};
    bool all = false;
    int option;

    while ((option = getopt_long(argc, argv, "+acit:s:r", long_options, NULL)) != -1)
        if (!take_option(&options, &all, option))
            return command_usage(context, "check", "Command check: Unrecognized option");
    if (options.skips_objects && (options.repairs || options.reads_objects))
        return command_usage(context, "check",
                             "Command check: -c leaves objects out; it goes neither with "
                             "-i nor with --repair");
    if (all && (options.tag != NULL || options.subtree != NULL))
        return command_usage(context, "check",
                             "Command check: -t and -s are for one repository");
    if (all && optind < argc) {
        fprintf(stderr, "no non-option parameters expected with -a\n");
        return EXIT_FATAL;
    }
    if (all)
        return check_all(context, &options);
    return check_named(context, &options, argc - optind, argv + optind);
}
