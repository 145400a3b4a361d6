/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl import: publish a repository here whose storage is here already. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/base/lock.h"
#include "libreplica/operate/import_repository.h"
#include "libreplica/operate/server_info.h"
#include "replicactl/new_stratum0.h"

struct import_arguments {
    struct stratum0_configuration configuration;
    struct import_options options;
    const char *owner;
    const char *upstream;
    const char *ownership;
    int missing; /* an option of the reference that this version lacks, or 0 */
};

static bool take_option(struct import_arguments *arguments, int option)
{
    switch (option) {
    case 'w':
        arguments->configuration.url = optarg;
        return true;
    case 'o':
        arguments->owner = optarg;
        return true;
    case 'u':
        arguments->upstream = optarg;
        return true;
    case 'k':
        arguments->options.keys = optarg;
        return true;
    case 'g':
        arguments->options.gives_storage = true;
        return true;
    case 'r':
        arguments->options.signs_whitelist = true;
        return true;
    case 't':
        arguments->options.makes_key = true;
        return true;
    case 'm':
        arguments->options.allows_replicas = true;
        return true;
    case 'c':
        arguments->ownership = optarg;
        return true;
    case 'f': /* nothing is mounted here */
    case 'p': /* the module looks repositories up */
    case 's': /* of a migration */
        return true;
    default:
        arguments->missing = option;
        return option != '?';
    }
}

/* Only files of catalogs that are migrated would get it, and none are. */
static bool is_ownership(const char *text)
{
    static const char digits[] = "0123456789";
    size_t uid = strspn(text, digits);

    return uid > 0 && text[uid] == ':' && text[uid + 1] != '\0' &&
           strspn(text + uid + 1, digits) == strlen(text + uid + 1);
}

/* One that was killed leaves a configuration, as a whole one does. */
static bool say_how_to_repeat(const char *fqrn, struct error *error)
{
    struct error reason = *error;

    return reason.code == ERROR_EXISTS &&
           error_set(error, reason.code,
                     "%s; if its import was cut off, 'replicactl rmfs -p %s' and import "
                     "it again",
                     reason.message, fqrn);
}

static bool check_values(struct import_arguments *arguments,
                         const struct command_context *context, struct error *error)
{
    if (arguments->missing == 'l')
        return error_set(error, ERROR_UNSUPPORTED,
                         "-l: catalogs of version 2.0 are not migrated by this version; "
                         "the reference's 'cvmfs_server import -l' does that");
    if (arguments->missing != 0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "import: the option -%c is not in this version",
                         arguments->missing);
    if (arguments->options.makes_key && !arguments->options.signs_whitelist)
        return error_set(error, ERROR_USAGE,
                         "a new key (-t) has to be on a new whitelist (-r)");
    if (arguments->ownership != NULL && !is_ownership(arguments->ownership))
        return error_set(error, ERROR_USAGE,
                         "Unrecognized file ownership: %s | expected: <uid>:<gid>",
                         arguments->ownership);
    if (!new_stratum0_check_name(arguments->configuration.fqrn, context, error))
        return say_how_to_repeat(arguments->configuration.fqrn, error);
    return new_stratum0_places(&arguments->configuration, arguments->upstream, context,
                               error);
}

static int finish(struct command_context *context, const struct repository *repository,
                  void *baton)
{
    struct error error;
    struct lock *lock;

    return lock_try(&lock, repository_update_lock(repository, context->pool),
                    context->pool, &error) &&
                   import_finish(baton, apr_time_now(), context->pool, &error)
               ? EXIT_OK
               : command_fail(context, &error);
}

static void say_result(const struct stratum0_configuration *configuration,
                       int64_t revision)
{
    printf("Imported %s at revision %" PRId64 ": hash %s, compression %s%s\n",
           configuration->fqrn, revision, hash_algorithm_name(configuration->algorithm),
           configuration->compression == COMPRESSION_NONE ? "none" : "zlib",
           configuration->is_garbage_collectable ? ", garbage-collectable" : "");
}

static int import(struct command_context *context, struct import_arguments *arguments,
                  const struct owner *owner)
{
    struct stratum0_configuration *configuration = &arguments->configuration;
    struct import import;
    struct error error;
    int64_t revision;
    int code;

    if (!import_examine(&revision, configuration, &arguments->options, owner,
                        apr_time_now(), context->pool, &error) ||
        !import_prepare(&import, configuration, &arguments->options, owner,
                        context->confdir, context->server, context->pool, &error))
        return command_fail(context, &error);
    command_say(NULL, "Creating configuration files... done\n"
                      "Importing the given key files... done");
    code = command_run_as_owner(context, import.repository, finish, &import);
    if (code != EXIT_OK) {
        import_undo(&import);
        return code;
    }
    command_say(NULL, "Creating CernVM-FS Repository Infrastructure... done");
    if (!server_info_update(context->confdir, context->server, context->pool, &error))
        return command_fail(context, &error);
    command_say(NULL, "Updating global JSON information... done");
    say_result(configuration, revision);
    return EXIT_OK;
}

static int check_and_import(struct command_context *context,
                            struct import_arguments *arguments)
{
    struct stratum0_configuration *configuration = &arguments->configuration;
    apr_array_header_t *directories = command_directories(context);
    struct owner owner;
    struct error error;

    if (!check_values(arguments, context, &error))
        return error.code == ERROR_SETTING
                   ? command_usage(context, "import", "%s", error.message)
                   : command_fail(context, &error);
    if (arguments->options.keys == NULL)
        arguments->options.keys = configuration->keys;
    APR_ARRAY_PUSH(directories, const char *) = configuration->keys;
    if (!command_may_change(context, "import a repository", directories) ||
        !command_choose_owner(&owner, context, configuration->fqrn, arguments->owner))
        return EXIT_FATAL;
    configuration->user = owner.name;
    return import(context, arguments, &owner);
}

int cmd_import(struct command_context *context, int argc, char **argv)
{
    struct import_arguments arguments = {.configuration = {.makes_automatic_tags = true},
                                         .options = {.stop = &context->stop}};
    int option;

    while ((option = getopt(argc, argv, "+w:o:c:u:k:lsmgf:rptRx:")) != -1)
        if (!take_option(&arguments, option))
            return command_usage(context, "import",
                                 "Command import: Unrecognized option: %s",
                                 argv[optind - 1]);
    if (argc - optind != 1)
        return command_usage(context, "import", "Too %s arguments provided",
                             argc - optind < 1 ? "few" : "many");
    arguments.configuration.fqrn = command_full_name(context, argv[optind]);
    return check_and_import(context, &arguments);
}
