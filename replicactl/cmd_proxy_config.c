/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl proxy-config: a squid.conf for this host. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/operate/proxy_configuration.h"

/* As packages have it, unless make knows better. */
#ifndef HELPER_FOLDER
#define HELPER_FOLDER "/usr/libexec/replica"
#endif

static const struct option long_options[] = {
    {"disk", required_argument, NULL, 'o'},
    {"helpers", required_argument, NULL, 'o'},
    {"memory", required_argument, NULL, 'o'},
    {"network", required_argument, NULL, 'o'},
    {"name", required_argument, NULL, 'o'},
    {"peer", required_argument, NULL, 'o'},
    {"policy", required_argument, NULL, 'o'},
    {"port", required_argument, NULL, 'o'},
    {"rewrite", required_argument, NULL, 'o'},
    {"root", required_argument, NULL, 'o'},
    {"store-id", required_argument, NULL, 'o'},
    {"workers", required_argument, NULL, 'o'},
    {NULL, 0, NULL, 0},
};

static bool choose_kind(enum proxy_kind *kind, const char *word)
{
    *kind = strcmp(word, "accelerator") == 0 ? PROXY_ACCELERATOR : PROXY_SITE;
    return *kind == PROXY_ACCELERATOR || strcmp(word, "site-proxy") == 0;
}

static void print_note(const char *note)
{
    if (note != NULL)
        fprintf(stderr, "NOTE: %s\n", note);
}

int cmd_proxy_config(struct command_context *context, int argc, char **argv)
{
    struct proxy_options options;
    struct proxy_needs needs;
    enum proxy_kind kind;
    struct error error;
    int option, index;

    if (argc < 2 || !choose_kind(&kind, argv[1]))
        return command_usage(context, "proxy-config",
                             "Command proxy-config: say accelerator or site-proxy first");
    proxy_options_init(&options, kind, HELPER_FOLDER, context->pool);
    optind = 2;
    while ((option = getopt_long(argc, argv, "+", long_options, &index)) != -1) {
        if (option != 'o')
            return command_usage(context, "proxy-config",
                                 "Command proxy-config: %s: no such option, or its value "
                                 "is missing",
                                 argv[optind - 1]);
        if (!proxy_options_set(&options, long_options[index].name, optarg, &error))
            return command_usage(context, "proxy-config", "%s", error.message);
    }
    if (optind < argc)
        return command_usage(context, "proxy-config",
                             "Command proxy-config: '%s' is no option", argv[optind]);
    if (!proxy_options_complete(&options, &error))
        return command_usage(context, "proxy-config", "%s", error.message);
    if (!proxy_needs_read(&needs, &options, context->pool, &error))
        return command_fail(context, &error);
    print_note(proxy_needs_contradiction(&needs, &options, context->pool));
    fputs(proxy_configuration_format(&options, &needs, context->pool), stdout);
    return EXIT_OK;
}
