/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl rollback: publish the state of a tag again. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/publish/tagging.h"
#include "replicactl/publishing.h"

struct rollback_arguments {
    const char *tag; /* NULL: undo the last publication */
    bool is_forced;
};

static bool confirm(const struct rollback_arguments *arguments)
{
    char question[200], reply[16];

    if (arguments->is_forced)
        return true;
    if (arguments->tag == NULL)
        snprintf(question, sizeof(question),
                 "You are about to UNDO your last published revision!  Are you sure "
                 "(y/N)? ");
    else
        snprintf(question, sizeof(question),
                 "You are about to ROLLBACK to %.80s AS THE LATEST REVISION!  Are you "
                 "sure (y/N)? ",
                 arguments->tag);
    return command_ask(reply, sizeof(reply), question) &&
           (strcmp(reply, "y") == 0 || strcmp(reply, "Y") == 0);
}

static void print_removed(const apr_array_header_t *removed)
{
    int width = 0;

    for (int i = 0; i < removed->nelts; i++) {
        int length = (int)strlen(APR_ARRAY_IDX(removed, i, struct tag).name);

        width = length > width ? length : width;
    }
    for (int i = 0; i < removed->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(removed, i, struct tag);
        char hash[HASH_TEXT_SIZE];

        hash_format(hash, &tag->catalog);
        printf("removed tag %-*s (%s)\n", width, tag->name, hash);
    }
}

static int roll_back(struct command_context *context, const struct publish_target *target,
                     void *baton)
{
    const struct rollback_arguments *arguments = baton;
    struct publish_result result;
    apr_array_header_t *removed;
    struct error error;

    if (!confirm(arguments))
        return EXIT_FATAL;
    if (!publish_rollback(&result, &removed, target, arguments->tag, apr_time_now(),
                          context->pool, &error))
        return command_fail(context, &error);
    print_removed(removed);
    printf("Published revision %" PRId64 " of %s\n", result.revision, target->fqrn);
    return EXIT_OK;
}

int cmd_rollback(struct command_context *context, int argc, char **argv)
{
    struct rollback_arguments arguments = {0};
    int option;

    while ((option = getopt(argc, argv, "+t:f")) != -1)
        if (option == 't')
            arguments.tag = optarg;
        else if (option == 'f')
            arguments.is_forced = true;
        else
            return command_usage(context, "rollback",
                                 "Command rollback: Unrecognized option");
    return publishing_run(context, argc - optind, argv + optind, true, roll_back,
                          &arguments);
}
