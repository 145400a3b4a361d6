/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl adopt: take a reference server over in place, or give it back. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/adopt.h"

enum { OPTION_CHECK = 1, OPTION_UNDO, OPTION_ROOT };

static const struct option long_options[] = {
    {"check", no_argument, NULL, OPTION_CHECK},
    {"undo", no_argument, NULL, OPTION_UNDO},
    {"root", required_argument, NULL, OPTION_ROOT},
    {NULL, 0, NULL, 0},
};

struct adopt_arguments {
    bool is_check;
    bool is_undo;
    struct adopt_options options;
};

/* Half an adoption is worse than none. */
static bool may_adopt(const struct command_context *context, const char *root)
{
    apr_array_header_t *paths = command_directories(context);

    APR_ARRAY_PUSH(paths, const char *) = context->confdir;
    APR_ARRAY_PUSH(paths, const char *) = apr_pstrcat(context->pool, root, "/etc", NULL);
    return command_may_change(context, "adopt a server", paths);
}

static int adopt(struct command_context *context, const struct adopt_arguments *arguments)
{
    struct error error;
    bool clean, ok;

    if (arguments->is_check)
        ok = adopt_check(&clean, &arguments->options, context->pool, &error);
    else if (!may_adopt(context, arguments->options.root))
        return EXIT_FATAL;
    else
        ok = arguments->is_undo
                 ? adopt_undo(&clean, &arguments->options, context->pool, &error)
                 : adopt_apply(&clean, &arguments->options, context->pool, &error);
    if (!ok)
        return command_fail(context, &error);
    return clean ? EXIT_OK : EXIT_FATAL;
}

/* "/" and "" are the same. */
static const char *without_slash(const struct command_context *context, const char *root)
{
    char *path = apr_pstrdup(context->pool, command_absolute_path(context, root));

    for (size_t length = strlen(path); length > 0 && path[length - 1] == '/';)
        path[--length] = '\0';
    return path;
}

int cmd_adopt(struct command_context *context, int argc, char **argv)
{
    struct adopt_arguments arguments = {
        .options = {.confdir = context->confdir,
                    .server = context->server,
                    .root = "",
                    .user = "cvmfs",
                    .say = command_say,
                    .stop = &context->stop},
    };
    bool is_named = false;
    int option;

    while ((option = getopt_long(argc, argv, "+o:", long_options, NULL)) != -1)
        if (option == OPTION_CHECK)
            arguments.is_check = true;
        else if (option == OPTION_UNDO)
            arguments.is_undo = true;
        else if (option == OPTION_ROOT)
            arguments.options.root = without_slash(context, optarg);
        else if (option == 'o') {
            arguments.options.user = optarg;
            is_named = true;
        } else
            return command_usage(context, "adopt", "Command adopt: Unrecognized option");
    if (optind < argc || (arguments.is_undo && (arguments.is_check || is_named)))
        return command_usage(context, "adopt",
                             "Command adopt: no names, and --undo neither with --check "
                             "nor with -o");
    return adopt(context, &arguments);
}
