/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl mkfs: make a repository that is published here. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/base/lock.h"
#include "libreplica/format/compress.h"
#include "libreplica/operate/create_repository.h"
#include "libreplica/operate/server_info.h"
#include "replicactl/new_stratum0.h"

enum { OPTION_COMPRESSOR = 256, OPTION_PROFILE };

static const struct option long_options[] = {
    {"compressor", required_argument, NULL, OPTION_COMPRESSOR},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {0},
};

struct mkfs_arguments {
    struct stratum0_configuration configuration;
    struct publish_beginning beginning;
    const char *owner;
    const char *upstream;
    const char *imported_keys;
    const char *algorithm;
    const char *compression; /* NULL: the profile's */
    const char *compressor;
    const char *profile;
    int missing; /* an option of the reference that this version lacks, or 0 */
};

static bool take_option(struct mkfs_arguments *arguments, int option)
{
    switch (option) {
    case 'w':
        arguments->configuration.url = optarg;
        return true;
    case 'u':
        arguments->upstream = optarg;
        return true;
    case 'o':
        arguments->owner = optarg;
        return true;
    case 'k':
        arguments->imported_keys = optarg;
        return true;
    case 'a':
        arguments->algorithm = optarg;
        return true;
    case 'Z':
        arguments->compression = optarg;
        return true;
    case OPTION_COMPRESSOR:
        arguments->compressor = optarg;
        return true;
    case OPTION_PROFILE:
        arguments->profile = optarg;
        return true;
    case 'v':
        arguments->beginning.marks.is_volatile = true;
        return true;
    case 'V':
        arguments->beginning.marks.membership = optarg;
        return true;
    case 'G':
        arguments->configuration.automatic_tags_since = optarg;
        return true;
    case 'g':
        arguments->configuration.makes_automatic_tags = false;
        return true;
    case 'z':
        arguments->configuration.is_garbage_collectable = true;
        return true;
    case 'm': /* the default */
    case 'f': /* nothing is mounted here */
    case 'p': /* the module looks repositories up */
        return true;
    default:
        arguments->missing = option;
        return option != '?';
    }
}

/* What was not asked for otherwise. */
static bool apply_profile(struct mkfs_arguments *arguments, struct error *error)
{
    struct stratum0_configuration *configuration = &arguments->configuration;

    if (strcmp(arguments->profile, "ephemeral") == 0) {
        configuration->is_ephemeral = true;
        configuration->is_garbage_collectable = true;
        configuration->makes_automatic_tags = false;
        arguments->beginning.marks.is_volatile = true;
        if (arguments->compression == NULL)
            arguments->compression = "none";
    } else if (strcmp(arguments->profile, "default") != 0) {
        return error_set(error, ERROR_USAGE, "profile '%s': use default or ephemeral",
                         arguments->profile);
    }
    if (arguments->compression == NULL)
        arguments->compression = "default";
    return true;
}

static bool check_values(struct mkfs_arguments *arguments,
                         const struct command_context *context, struct error *error)
{
    struct stratum0_configuration *configuration = &arguments->configuration;

    if (!new_stratum0_check_name(configuration->fqrn, context, error))
        return false;
    if (!hash_algorithm_parse(&configuration->algorithm, arguments->algorithm))
        return error_set(error, ERROR_USAGE,
                         "hash algorithm '%s' (-a): use sha1, rmd160 or shake128",
                         arguments->algorithm);
    if (!compression_parse(&configuration->compression, arguments->compression))
        return error_set(error, ERROR_USAGE,
                         "compression '%s' (-Z): use default, zlib or none",
                         arguments->compression);
    if (!compressor_kind_parse(&configuration->compressor, arguments->compressor))
        return error_set(error, ERROR_USAGE, "--compressor '%s': use zlib or isal",
                         arguments->compressor);
    return compressor_kind_check(configuration->compressor, error);
}

struct first_publication {
    const struct publish_target *target;
    const struct publish_beginning *beginning;
};

static int publish_first(struct command_context *context,
                         const struct repository *repository, void *baton)
{
    const struct first_publication *first = baton;
    struct error error;
    struct lock *lock;

    return lock_try(&lock, repository_update_lock(repository, context->pool),
                    context->pool, &error) &&
                   publish_create_repository(first->target, first->beginning,
                                             apr_time_now(), context->pool, &error)
               ? EXIT_OK
               : command_fail(context, &error);
}

/* With these keys there may have been a repository of this name, and its readers accept
 * no lower revision: the time is higher than any that it had. */
static void choose_revision(struct mkfs_arguments *arguments,
                            const struct create_repository *create)
{
    if (!create->had_keys && !arguments->configuration.is_ephemeral)
        return;
    arguments->beginning.revision = apr_time_sec(apr_time_now());
    printf("Revisions begin at %lld, the time%s\n",
           (long long)arguments->beginning.revision,
           create->had_keys ? ": the keys are not new" : "");
}

static int create(struct command_context *context, struct mkfs_arguments *arguments,
                  const struct owner *owner)
{
    struct create_repository create;
    struct first_publication first = {&create.target, &arguments->beginning};
    struct error error;
    int code;

    if (!create_repository_prepare(&create, &arguments->configuration, owner,
                                   arguments->imported_keys, context->confdir,
                                   context->server, context->pool, &error))
        return command_fail(context, &error);
    command_say(NULL, "Creating Configuration Files... done");
    choose_revision(arguments, &create);
    code = command_run_as_owner(context, create.repository, publish_first, &first);
    if (code != EXIT_OK) {
        create_repository_undo(&create);
        return code;
    }
    command_say(NULL, "Creating Initial Repository... done");
    if (!server_info_update(context->confdir, context->server, context->pool, &error))
        return command_fail(context, &error);
    printf("Updating global JSON information... done\n\n"
           "'%s ingest --from DIRECTORY %s' publishes a directory.\n"
           "Keep a copy of the master key elsewhere: %s/%s.masterkey\n",
           context->program, arguments->configuration.fqrn, arguments->configuration.keys,
           arguments->configuration.fqrn);
    return EXIT_OK;
}

static int check_and_create(struct command_context *context,
                            struct mkfs_arguments *arguments)
{
    struct stratum0_configuration *configuration = &arguments->configuration;
    apr_array_header_t *directories = command_directories(context);
    struct owner owner;
    struct error error;

    if (!apply_profile(arguments, &error) || !check_values(arguments, context, &error) ||
        !new_stratum0_places(configuration, arguments->upstream, context, &error))
        return error.code == ERROR_SETTING
                   ? command_usage(context, "mkfs", "%s", error.message)
                   : command_fail(context, &error);
    APR_ARRAY_PUSH(directories, const char *) = configuration->keys;
    if (!command_may_change(context, "create a new repository", directories) ||
        !command_choose_owner(&owner, context, configuration->fqrn, arguments->owner))
        return EXIT_FATAL;
    configuration->user = owner.name;
    return create(context, arguments, &owner);
}

int cmd_mkfs(struct command_context *context, int argc, char **argv)
{
    struct mkfs_arguments arguments = {.configuration = {.makes_automatic_tags = true},
                                       .algorithm = "sha1",
                                       .compressor = "zlib",
                                       .profile = "default"};
    int option;

    while ((option = getopt_long(
                argc, argv, "+Xw:u:o:mf:vgG:a:zs:k:pRV:Z:x:", long_options, NULL)) != -1)
        if (!take_option(&arguments, option))
            return command_usage(context, "mkfs", "Command mkfs: Unrecognized option: %s",
                                 argv[optind - 1]);
    if (argc - optind != 1)
        return command_usage(context, "mkfs", "Too %s arguments provided",
                             argc - optind < 1 ? "few" : "many");
    if (arguments.missing != 0) {
        fprintf(stderr, "mkfs: the option -%c is not in this version\n",
                arguments.missing);
        return EXIT_FATAL;
    }
    arguments.configuration.fqrn = command_full_name(context, argv[optind]);
    return check_and_create(context, &arguments);
}
