/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl update-geodb: get the geo database, or a newer one. */
#include "replicactl/command.h"

#include <stdio.h>
#include <unistd.h>

#include "libreplica/operate/update_geodb.h"

static void print(void *baton, const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

int cmd_update_geodb(struct command_context *context, int argc, char **argv)
{
    struct geo_update_options options = {.stop = &context->stop, .say = print};
    struct geo_update_result result;
    struct error error;
    int option;
    bool ok;

    while ((option = getopt(argc, argv, "+l")) != -1)
        if (option == 'l')
            options.is_lazy = true;
        else
            return command_usage(context, "update-geodb",
                                 "Command update-geodb: Unrecognized option: -%c",
                                 optopt);
    if (optind != argc)
        return command_usage(context, "update-geodb", "Too many arguments provided");
    ok = update_geodb(&result, context->confdir, context->server, &options, context->pool,
                      &error);
    if (result.was_tried)
        puts(!ok ? "fail"
                 : (result.outcome == GEO_UPDATE_CURRENT ? "done (there is nothing newer)"
                                                         : "done"));
    if (ok)
        return EXIT_OK;
    command_fail(context, &error);
    /* As the reference: a failed installation is told from one that could not begin. */
    return result.was_tried ? EXIT_USAGE_MESSAGE : EXIT_FATAL;
}
