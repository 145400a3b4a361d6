/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl resign: a fresh whitelist, or a fresh signature of the present revision. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/publish/tagging.h"
#include "replicactl/publishing.h"

#define DAYS_MAX 3650

struct resign_arguments {
    int64_t days;
    bool signs_head;
};

static int sign(struct command_context *context, const struct publish_target *target,
                void *baton)
{
    const struct resign_arguments *arguments = baton;
    apr_time_t now = apr_time_now();
    struct error error;
    bool ok;

    printf("Signing %s... ",
           arguments->signs_head
               ? ".cvmfspublished"
               : apr_psprintf(context->pool, "%d day whitelist", (int)arguments->days));
    fflush(stdout);
    ok = arguments->signs_head ? publish_sign_head(target, now, context->pool, &error)
                               : publish_sign_whitelist(target, now, (int)arguments->days,
                                                        context->pool, &error);
    puts(ok ? "done" : "failed");
    fflush(stdout);
    return ok ? EXIT_OK : command_fail(context, &error);
}

static bool confirm(int64_t days)
{
    char reply[16];

    if (days <= PUBLISH_WHITELIST_DAYS)
        return true;
    puts("Warning: whitelist expiration is more than 30 days.\n"
         "Long expirations increase risk from repository key compromises!");
    return command_ask(reply, sizeof(reply),
                       "Are you sure you want to do this (y/N)? ") &&
           (strcmp(reply, "y") == 0 || strcmp(reply, "Y") == 0);
}

static int sign_all(struct command_context *context, int argc, char **argv,
                    struct resign_arguments *arguments)
{
    apr_array_header_t *names;
    int code = command_repositories(&names, context, argc, argv), worst = EXIT_OK;

    if (code != EXIT_OK)
        return code;
    for (int i = 0; i < names->nelts; i++) {
        code = publishing_run(context, 1, &APR_ARRAY_IDX(names, i, char *), true, sign,
                              arguments);
        if (code != EXIT_OK)
            worst = code;
    }
    return worst;
}

int cmd_resign(struct command_context *context, int argc, char **argv)
{
    struct resign_arguments arguments = {.days = PUBLISH_WHITELIST_DAYS};
    bool has_days = false, is_forced = false;
    int option;

    while ((option = getopt(argc, argv, "+d:fp")) != -1)
        if (option == 'd' && text_parse_number(&arguments.days, text_of(optarg)) &&
            arguments.days > 0 && arguments.days <= DAYS_MAX)
            has_days = true;
        else if (option == 'd')
            return command_usage(context, "resign", "-d wants days, 1 to %d", DAYS_MAX);
        else if (option == 'f')
            is_forced = true;
        else if (option == 'p')
            arguments.signs_head = true;
        else
            return command_usage(context, "resign",
                                 "Command resign: Unrecognized option");
    if (arguments.signs_head && has_days) {
        fprintf(stderr, "Cannot use -d with -p\n");
        return EXIT_FATAL;
    }
    if (!is_forced && !confirm(arguments.days))
        return EXIT_FATAL;
    return sign_all(context, argc - optind, argv + optind, &arguments);
}
