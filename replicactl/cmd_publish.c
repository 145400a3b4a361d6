/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl publish: the state of a directory as the next revision. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/publish/tagging.h"
#include "replicactl/publishing.h"

struct publish_arguments {
    const char *directory; /* --from; NULL: none */
    struct publish_tag tag;
};

/* Known before anything is published. */
static bool check_tag(const struct publish_target *target,
                      const struct publish_arguments *arguments, apr_pool_t *pool,
                      struct error *error)
{
    apr_array_header_t *tags, *branches;

    if (arguments->tag.name == NULL)
        return true;
    if (!publish_tags_list(&tags, &branches, target, pool, error))
        return false;
    for (int i = 0; i < tags->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(tags, i, struct tag).name, arguments->tag.name) == 0)
            return error_set(error, ERROR_EXISTS,
                             "a tag with the name '%s' already exists: nothing is "
                             "published",
                             arguments->tag.name);
    return publish_tag_check_name(arguments->tag.name, pool, error);
}

static int publish(struct command_context *context, const struct publish_target *target,
                   void *baton)
{
    const struct publish_arguments *arguments = baton;
    struct publish_result result;
    struct error error;
    struct tag old;

    if (!check_tag(target, arguments, context->pool, &error))
        return command_fail(context, &error);
    publishing_begin(target);
    if (!publish_directory(&result, target, arguments->directory, apr_time_now(),
                           &context->stop, context->pool, &error))
        return publishing_fail(context, target, &error);
    publishing_say(target, &result);
    if (arguments->tag.name == NULL ||
        publish_tag_add(&old, target, &arguments->tag, apr_time_now(), context->pool,
                        &error))
        return EXIT_OK;
    error_prefix(&error, "published, but not tagged");
    return command_fail(context, &error);
}

/* As the other verbs of transactions. */
static int refuse(struct command_context *context, char *name, bool has_name)
{
    static char verb[] = "publish";
    char *words[] = {verb, name};

    return cmd_absent(context, has_name ? 2 : 1, words);
}

int cmd_publish(struct command_context *context, int argc, char **argv)
{
    static const struct option long_options[] = {{"from", required_argument, NULL, 'F'},
                                                 {0}};
    struct publish_arguments arguments = {0};
    int option;

    while ((option = getopt_long(argc, argv, "+a:m:fv", long_options, NULL)) != -1) {
        if (option == 'F')
            arguments.directory = command_absolute_path(context, optarg);
        else if (option == 'a')
            arguments.tag.name = optarg;
        else if (option == 'm')
            arguments.tag.description = optarg;
        else if (option == '?')
            return command_usage(context, "publish",
                                 "Command publish: Unrecognized option");
    }
    if (arguments.directory == NULL)
        return refuse(context, argv[argc - 1], argc > optind);
    if (arguments.tag.description != NULL && arguments.tag.name == NULL)
        return command_usage(context, "publish",
                             "Command publish: a description (-m) is one of a tag (-a)");
    return publishing_run_collecting(context, argc - optind, argv + optind, publish,
                                     &arguments);
}
