/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl resign: a fresh whitelist, or a fresh signature of the present revision. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/publish/tagging.h"
#include "libreplica/publish/whitelists.h"
#include "replicactl/publishing.h"

#define DAYS_MAX 3650

enum { OPTION_DROP_OTHERS = 256 };

struct resign_arguments {
    int64_t days; /* 0: the repository's own */
    bool signs_head;
    bool drops_others;
};

static int sign(struct command_context *context, const struct publish_target *target,
                void *baton)
{
    const struct resign_arguments *arguments = baton;
    struct whitelist_terms terms = {.days = (int)arguments->days,
                                    .drops_others = arguments->drops_others};
    apr_time_t now = apr_time_now();
    struct error error;
    bool ok;

    if (terms.days == 0)
        terms.days = target->whitelist_days;
    printf("Signing %s... ",
           arguments->signs_head
               ? ".cvmfspublished"
               : apr_psprintf(context->pool, "%d day whitelist", terms.days));
    fflush(stdout);
    ok = arguments->signs_head
             ? publish_sign_head(target, now, context->pool, &error)
             : publish_sign_whitelist(target, &terms, now, context->pool, &error);
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
    static const struct option options[] = {
        {"drop-others", no_argument, NULL, OPTION_DROP_OTHERS}, {0}};
    struct resign_arguments arguments = {0};
    bool is_forced = false;
    int option;

    while ((option = getopt_long(argc, argv, "+d:fp", options, NULL)) != -1)
        if (option == 'd' && (!text_parse_number(&arguments.days, text_of(optarg)) ||
                              arguments.days <= 0 || arguments.days > DAYS_MAX))
            return command_usage(context, "resign", "-d wants days, 1 to %d", DAYS_MAX);
        else if (option == 'd')
            continue;
        else if (option == 'f')
            is_forced = true;
        else if (option == 'p')
            arguments.signs_head = true;
        else if (option == OPTION_DROP_OTHERS)
            arguments.drops_others = true;
        else
            return command_usage(context, "resign",
                                 "Command resign: Unrecognized option");
    if (arguments.signs_head && (arguments.days != 0 || arguments.drops_others)) {
        fprintf(stderr, "Cannot use %s with -p\n",
                arguments.days != 0 ? "-d" : "--drop-others");
        return EXIT_FATAL;
    }
    if (!is_forced && !confirm(arguments.days))
        return EXIT_FATAL;
    return sign_all(context, argc - optind, argv + optind, &arguments);
}
