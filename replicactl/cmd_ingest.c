/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl ingest: publish a directory as the next revision. */
#include "replicactl/publishing.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

static int publish(struct command_context *context, const struct publish_target *target,
                   void *baton)
{
    struct publish_result result;
    struct error error;

    if (!publish_directory(&result, target, baton, apr_time_now(), &context->stop,
                           context->pool, &error))
        return command_fail(context, &error);
    printf("Published revision %" PRId64 " of %s: %" PRId64 " entries in %" PRId64
           " catalogs (%" PRId64 " new), %" PRId64 " bytes\n",
           result.revision, target->fqrn, result.entries, result.catalogs,
           result.catalogs_stored, result.bytes);
    return EXIT_OK;
}

static int refuse_archive(const struct command_context *context)
{
    fprintf(stderr,
            "Ingesting an archive is not in this version; '%s ingest --from DIRECTORY "
            "NAME' publishes a directory.\n",
            context->program);
    return EXIT_FATAL;
}

int cmd_ingest(struct command_context *context, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"from", required_argument, NULL, 'F'},
        {"tar_file", required_argument, NULL, 't'},
        {"base_dir", required_argument, NULL, 'b'},
        {"delete", required_argument, NULL, 'd'},
        {"catalog", no_argument, NULL, 'c'},
        {"user", required_argument, NULL, 'u'},
        {"group", required_argument, NULL, 'g'},
        {"keep-ownership", no_argument, NULL, 'k'},
        {0}};
    const char *directory = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "+t:b:d:cu:g:k", long_options, NULL)) != -1)
        if (option == 'F')
            directory = command_absolute_path(context, optarg);
        else if (option == '?')
            return command_usage(context, "ingest",
                                 "Command ingest: Unrecognized option");
        else
            return refuse_archive(context);
    if (directory == NULL || argc - optind != 1)
        return command_usage(context, "ingest",
                             "ingest wants --from DIRECTORY and the repository's name");
    return publishing_run(context, argc - optind, argv + optind, true, publish,
                          (void *)directory);
}
