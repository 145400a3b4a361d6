/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl ingest: publish a directory, or what a tar archive changes. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/unpack.h"
#include "replicactl/publishing.h"

struct ingest_arguments {
    const char *directory; /* --from */
    const char *archive;   /* NULL: none */
    const char *base;
    apr_array_header_t *condemned; /* of const char * */
    bool makes_catalog;
    bool unpacks; /* the archive may be compressed, or an image */
    bool keeps_owner;
    const char *user;
    const char *group;
    bool is_wrong;
};

/* Who gets what the archive holds: those that are named, else whoever publishes. */
static bool find_owner(struct archive_options *options,
                       const struct ingest_arguments *arguments, struct error *error)
{
    const struct passwd *user = NULL;
    const struct group *group = NULL;

    options->keeps_owner = arguments->keeps_owner;
    options->uid = geteuid();
    options->gid = getegid();
    if (arguments->user != NULL && (user = getpwnam(arguments->user)) == NULL)
        return error_set(error, ERROR_USAGE, "there is no user '%s'", arguments->user);
    if (arguments->group != NULL && (group = getgrnam(arguments->group)) == NULL)
        return error_set(error, ERROR_USAGE, "there is no group '%s'", arguments->group);
    if (user != NULL) {
        options->uid = user->pw_uid;
        options->gid = user->pw_gid;
    }
    if (group != NULL)
        options->gid = group->gr_gid;
    return true;
}

static bool put_archive(struct changes *changes, const struct publish_target *target,
                        const struct ingest_arguments *arguments, apr_time_t now,
                        apr_pool_t *pool, struct error *error)
{
    struct archive_options options = {.base =
                                          change_path_below("", arguments->base, pool),
                                      .keeps_xattrs = target->includes_xattrs};
    bool is_input = strcmp(arguments->archive, "-") == 0, ok;
    int fd;

    if (!find_owner(&options, arguments, error))
        return false;
    fd = is_input ? STDIN_FILENO : open(arguments->archive, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", arguments->archive);
    ok = arguments->unpacks
             ? unpack_put(changes, NULL, fd, &options, now, pool, error)
             : archive_put(changes, NULL, &(struct archive_source){.fd = fd}, &options,
                           now, pool, error);
    if (!is_input)
        close(fd);
    if (!ok)
        return error_prefix(error, "%s", arguments->archive);
    return !arguments->makes_catalog || *options.base == '\0' ||
           changes_put_marker(changes, options.base, options.uid, options.gid, error);
}

static void say_absent(void *baton, const char *path)
{
    fprintf(stderr, "%s is not there: nothing to delete\n", path + 1);
}

static bool publish_changes(struct publish_result *result,
                            const struct command_context *context,
                            const struct publish_target *target,
                            const struct ingest_arguments *arguments, struct error *error)
{
    apr_time_t now = apr_time_now();
    struct changes *changes;
    bool ok;

    if (!changes_begin(&changes, target, now, &context->stop, context->pool, error))
        return false;
    ok = changes_remove_all(changes, arguments->condemned, say_absent, NULL, error) &&
         (arguments->archive == NULL ||
          put_archive(changes, target, arguments, now, context->pool, error)) &&
         changes_commit(result, changes, error);
    changes_abandon(changes);
    return ok;
}

static int publish(struct command_context *context, const struct publish_target *target,
                   void *baton)
{
    const struct ingest_arguments *arguments = baton;
    struct publish_result result;
    struct error error;
    bool ok;

    publishing_begin(target);
    ok = arguments->directory != NULL
             ? publish_directory(&result, target, arguments->directory, apr_time_now(),
                                 &context->stop, context->pool, &error)
             : publish_changes(&result, context, target, arguments, &error);
    if (!ok)
        return publishing_fail(context, target, &error);
    publishing_say(target, &result);
    return EXIT_OK;
}

static void take_option(struct ingest_arguments *arguments,
                        const struct command_context *context, int option)
{
    switch (option) {
    case 'F':
        arguments->directory = command_absolute_path(context, optarg);
        break;
    case 't':
        arguments->archive =
            strcmp(optarg, "-") == 0 ? optarg : command_absolute_path(context, optarg);
        break;
    case 'b':
        arguments->base = optarg;
        break;
    case 'd':
        APR_ARRAY_PUSH(arguments->condemned, const char *) =
            change_path_below("", optarg, context->pool);
        break;
    case 'c':
        arguments->makes_catalog = true;
        break;
    case 'u':
        arguments->user = optarg;
        break;
    case 'g':
        arguments->group = optarg;
        break;
    case 'k':
        arguments->keeps_owner = true;
        break;
    case 'U':
        arguments->unpacks = true;
        break;
    default:
        arguments->is_wrong = true;
    }
}

/* NULL: they make sense. */
static const char *contradiction(const struct ingest_arguments *arguments)
{
    bool deletes = arguments->condemned->nelts > 0;

    if (arguments->directory == NULL && arguments->archive == NULL && !deletes)
        return "ingest wants --from DIRECTORY, or -t ARCHIVE with -b BASE, or -d PATH";
    if (arguments->directory != NULL && (arguments->archive != NULL || deletes))
        return "--from replaces all there is: it goes with neither -t nor -d";
    if ((arguments->archive != NULL) != (arguments->base != NULL))
        return "-t ARCHIVE and -b BASE, the directory it is put into, go together";
    if (arguments->unpacks &&
        (arguments->archive == NULL || strcmp(arguments->archive, "-") == 0))
        return "--unpack looks into an archive (-t) more than once: it has to be a file";
    if (arguments->keeps_owner && (arguments->user != NULL || arguments->group != NULL))
        return "either the archive's owners are kept (-k) or others are given (-u, -g)";
    if (arguments->group != NULL && arguments->user == NULL)
        return "a group (-g) needs a user (-u)";
    return NULL;
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
        {"unpack", no_argument, NULL, 'U'},
        {0}};
    struct ingest_arguments arguments = {
        .condemned = apr_array_make(context->pool, 2, sizeof(const char *))};
    const char *problem;
    int option;

    while ((option = getopt_long(argc, argv, "+t:b:d:cu:g:k", long_options, NULL)) != -1)
        take_option(&arguments, context, option);
    if (arguments.is_wrong)
        return command_usage(context, "ingest", "Command ingest: Unrecognized option");
    problem = contradiction(&arguments);
    if (problem == NULL && argc - optind != 1)
        problem = "ingest wants the repository's name";
    if (problem != NULL)
        return command_usage(context, "ingest", "%s", problem);
    return publishing_run_collecting(context, argc - optind, argv + optind, publish,
                                     &arguments);
}
