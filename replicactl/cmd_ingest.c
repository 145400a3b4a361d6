/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl ingest: publish a directory as the next revision. */
#include "replicactl/command.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "libreplica/base/lock.h"
#include "libreplica/publish/publish.h"

static bool publish(struct publish_result *result, const struct command_context *context,
                    const struct repository *repository, const char *directory,
                    struct error *error)
{
    const char *path = repository_update_lock(repository, context->pool);
    struct publish_target target;
    struct lock *lock;
    bool ok;

    if (!publish_target_of(&target, repository, command_keys_directory(context),
                           context->pool, error))
        return false;
    if (!lock_try(&lock, path, context->pool, error)) {
        if (error->code != ERROR_BUSY)
            return false;
        command_say(NULL, "waiting for another update to finish...");
        if (!lock_wait(&lock, path, &context->stop, context->pool, error))
            return false;
    }
    ok = publish_directory(result, &target, directory, apr_time_now(), &context->stop,
                           context->pool, error);
    lock_release(lock);
    return ok;
}

static int ingest(struct command_context *context, const struct repository *repository,
                  void *baton)
{
    struct publish_result result;
    struct error error;

    if (!publish(&result, context, repository, baton, &error))
        return command_fail(context, &error);
    printf("Published revision %" PRId64 " of %s: %" PRId64 " entries in %" PRId64
           " catalogs (%" PRId64 " new), %" PRId64 " bytes\n",
           result.revision, repository->fqrn, result.entries, result.catalogs,
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
    struct repository *repository;
    struct error error;
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
    if (!repository_read(&repository, context->confdir,
                         command_full_name(context, argv[optind]), context->server,
                         context->pool, &error))
        return command_fail(context, &error);
    if (repository->kind != REPOSITORY_STRATUM0) {
        fprintf(stderr, "%s is not a stratum 0 repository\n", repository->local_name);
        return EXIT_FATAL;
    }
    return command_run_as_owner(context, repository, ingest, (void *)directory);
}
