/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl tag: list, show, add, move and remove the tags of a repository. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/publish/tagging.h"
#include "replicactl/publishing.h"
#include "replicactl/tag_table.h"

enum action {
    ACTION_NONE,
    ACTION_LIST,
    ACTION_BRANCHES,
    ACTION_SHOW,
    ACTION_ADD,
    ACTION_REMOVE
};

struct tag_arguments {
    enum action action;
    bool is_ambiguous;
    bool for_machines;
    bool is_forced;
    const char *name;
    const char *description;
    const char *root_hash;
    apr_array_header_t *condemned; /* of const char * */
};

static void act(struct tag_arguments *arguments, enum action action)
{
    if (arguments->action != ACTION_NONE && arguments->action != action)
        arguments->is_ambiguous = true;
    arguments->action = action;
}

static bool take_option(struct tag_arguments *arguments, int option)
{
    switch (option) {
    case 'a':
    case 'i':
        act(arguments, option == 'a' ? ACTION_ADD : ACTION_SHOW);
        arguments->name = optarg;
        return true;
    case 'b':
        act(arguments, ACTION_BRANCHES);
        return true;
    case 'f':
        arguments->is_forced = true;
        return true;
    case 'h':
        arguments->root_hash = optarg;
        return true;
    case 'l':
        act(arguments, ACTION_LIST);
        return true;
    case 'm':
        arguments->description = optarg;
        return true;
    case 'r':
        act(arguments, ACTION_REMOVE);
        APR_ARRAY_PUSH(arguments->condemned, const char *) = optarg;
        return true;
    case 'x':
        arguments->for_machines = true;
        return true;
    default:
        return false;
    }
}

static int list(struct command_context *context, const struct publish_target *target,
                void *baton)
{
    const struct tag_arguments *arguments = baton;
    apr_array_header_t *tags, *branches;
    struct error error;

    if (!publish_tags_list(&tags, &branches, target, context->pool, &error))
        return command_fail(context, &error);
    if (arguments->action == ACTION_BRANCHES)
        tag_table_branches(branches, arguments->for_machines);
    else
        tag_table_list(tags, arguments->for_machines);
    return EXIT_OK;
}

static int show(struct command_context *context, const struct publish_target *target,
                void *baton)
{
    const struct tag_arguments *arguments = baton;
    apr_array_header_t *tags, *branches;
    struct error error;

    if (!publish_tags_list(&tags, &branches, target, context->pool, &error))
        return command_fail(context, &error);
    for (int i = 0; i < tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(tags, i, struct tag);

        if (strcmp(tag->name, arguments->name) == 0) {
            tag_table_show(tag, arguments->for_machines);
            return EXIT_OK;
        }
    }
    fprintf(stderr, "tag '%s' does not exist\n", arguments->name);
    return EXIT_FATAL;
}

static int add(struct command_context *context, const struct publish_target *target,
               void *baton)
{
    const struct tag_arguments *arguments = baton;
    char from[HASH_TEXT_SIZE];
    struct hash hash;
    struct publish_tag tag = {.name = arguments->name,
                              .description = arguments->description};
    struct error error;
    struct tag old;

    if (arguments->root_hash != NULL) {
        if (!hash_parse(&hash, text_of(arguments->root_hash))) {
            fprintf(stderr, "failed to read provided catalog hash '%s'\n",
                    arguments->root_hash);
            return EXIT_FATAL;
        }
        tag.catalog = &hash;
    }
    if (!publish_tag_add(&old, target, &tag, apr_time_now(), context->pool, &error))
        return command_fail(context, &error);
    if (old.name != NULL) {
        hash_format(from, &old.catalog);
        printf("moving tag '%s' from '%s' to '%s'\n", old.name, from,
               arguments->root_hash);
    }
    return EXIT_OK;
}

static bool confirm(const struct tag_arguments *arguments, const char *fqrn)
{
    char reply[16];

    if (arguments->is_forced)
        return true;
    printf("You are about to remove these tags from %s:\n", fqrn);
    for (int i = 0; i < arguments->condemned->nelts; i++)
        printf("* %s\n", APR_ARRAY_IDX(arguments->condemned, i, const char *));
    printf("\n");
    fflush(stdout);
    return command_ask(reply, sizeof(reply), "Are you sure (y/N)? ") &&
           (strcmp(reply, "y") == 0 || strcmp(reply, "Y") == 0);
}

static int remove_tags(struct command_context *context,
                       const struct publish_target *target, void *baton)
{
    const struct tag_arguments *arguments = baton;
    apr_array_header_t *removed;
    struct error error;

    if (!confirm(arguments, target->fqrn))
        return EXIT_FATAL;
    if (!publish_tags_remove(&removed, target, arguments->condemned, apr_time_now(),
                             context->pool, &error))
        return command_fail(context, &error);
    for (int i = 0; i < removed->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(removed, i, struct tag);
        char hash[HASH_TEXT_SIZE];

        hash_format(hash, &tag->catalog);
        printf("deleting '%s' (%s)\n", tag->name, hash);
    }
    return EXIT_OK;
}

int cmd_tag(struct command_context *context, int argc, char **argv)
{
    static publishing_work *const works[] = {
        [ACTION_LIST] = list, [ACTION_BRANCHES] = list,      [ACTION_SHOW] = show,
        [ACTION_ADD] = add,   [ACTION_REMOVE] = remove_tags,
    };
    struct tag_arguments arguments = {
        .condemned = apr_array_make(context->pool, 4, sizeof(const char *))};
    bool changes;
    int option;

    while ((option = getopt(argc, argv, "+a:m:h:r:fblxi:")) != -1)
        if (!take_option(&arguments, option))
            return command_usage(context, "tag", "Command tag: Unrecognized option");
    if (arguments.is_ambiguous) {
        fprintf(stderr, "Ambiguous parameters. Please either add, remove, inspect or "
                        "list tags.\n");
        return EXIT_FATAL;
    }
    if (arguments.action == ACTION_NONE)
        arguments.action = ACTION_LIST;
    changes = arguments.action == ACTION_ADD || arguments.action == ACTION_REMOVE;
    return publishing_run(context, argc - optind, argv + optind, changes,
                          works[arguments.action], &arguments);
}
