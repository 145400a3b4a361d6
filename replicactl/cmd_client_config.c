/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl client-config: what the clients of a repository have to be told. */
#include "replicactl/command.h"

#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/geo/geo_state.h"
#include "libreplica/operate/client_configuration.h"

struct client_config_arguments {
    struct client_configuration configuration;
    apr_array_header_t *servers; /* others, after this one */
    const char *url;             /* of this one */
};

enum { OPTION_KEYS = 1, OPTION_PROXY, OPTION_SERVER, OPTION_URL };

static const struct option long_options[] = {
    {"keys-dir", required_argument, NULL, OPTION_KEYS},
    {"proxy", required_argument, NULL, OPTION_PROXY},
    {"server", required_argument, NULL, OPTION_SERVER},
    {"url", required_argument, NULL, OPTION_URL},
    {NULL, 0, NULL, 0},
};

/* As others know this host, as far as it knows itself. */
static const char *host_name(apr_pool_t *pool)
{
    struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char name[256] = "";
    const char *result;

    if (gethostname(name, sizeof(name) - 1) != 0)
        return "localhost";
    if (strchr(name, '.') != NULL || getaddrinfo(name, NULL, &hints, &found) != 0)
        return apr_pstrdup(pool, name);
    result = apr_pstrdup(pool, found->ai_canonname != NULL ? found->ai_canonname : name);
    freeaddrinfo(found);
    return result;
}

static bool take_option(struct client_config_arguments *arguments, int option,
                        struct error *error)
{
    switch (option) {
    case OPTION_KEYS:
        return client_configuration_set_keys(&arguments->configuration, optarg, error);
    case OPTION_PROXY:
        return client_configuration_add_proxy(&arguments->configuration, optarg, error);
    case OPTION_SERVER:
        APR_ARRAY_PUSH(arguments->servers, const char *) = optarg;
        return true;
    case OPTION_URL:
        arguments->url = optarg;
        return true;
    default:
        return error_set(error, ERROR_USAGE,
                         "Command client-config: there is an option that is not known, "
                         "or without its value");
    }
}

/* A name without a domain is not known far away. */
static void note_name(const struct client_configuration *configuration, const char *host)
{
    const char *url = APR_ARRAY_IDX(configuration->servers, 0, const char *);
    const char *used = strstr(url, "://") + 3;

    if (strchr(host, '.') == NULL && strcspn(used, ":/") == strlen(host) &&
        strncmp(used, host, strlen(host)) == 0)
        fprintf(
            stderr,
            "NOTE: this host calls itself %s, without a domain: if clients know it by "
            "another name, give --url\n",
            host);
}

static bool add_servers(struct client_config_arguments *arguments,
                        const struct repository *repository, struct error *error)
{
    struct client_configuration *configuration = &arguments->configuration;
    const char *host = host_name(configuration->pool);

    if (!client_configuration_add_self(configuration, repository, arguments->url, host,
                                       error))
        return false;
    for (int i = 0; i < arguments->servers->nelts; i++)
        if (!client_configuration_add_server(
                configuration, APR_ARRAY_IDX(arguments->servers, i, const char *), error))
            return false;
    note_name(configuration, host);
    return true;
}

static int print(struct command_context *context,
                 struct client_config_arguments *arguments, const char *name)
{
    struct repository *repository;
    struct error error;
    const char *text;

    if (!repository_read(&repository, context->confdir, name, context->server,
                         context->pool, &error))
        return command_fail(context, &error);
    if (!add_servers(arguments, repository, &error))
        return command_usage(context, "client-config", "%s", error.message);
    if (!client_configuration_format(&text, &arguments->configuration, repository,
                                     &error))
        return command_fail(context, &error);
    fputs(text, stdout);
    return EXIT_OK;
}

int cmd_client_config(struct command_context *context, int argc, char **argv)
{
    struct client_config_arguments arguments = {
        .servers = apr_array_make(context->pool, 4, sizeof(const char *))};
    apr_array_header_t *names;
    struct error error;
    int option, code;

    client_configuration_init(&arguments.configuration, context->pool);
    arguments.configuration.has_geo_database =
        geo_state_read(context->server, context->pool).is_there;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!take_option(&arguments, option, &error))
            return command_usage(context, "client-config", "%s", error.message);
    code = command_repositories(&names, context, argc - optind, argv + optind);
    if (code != EXIT_OK)
        return code;
    if (names->nelts != 1)
        return command_usage(context, "client-config",
                             "Command client-config: name one repository, not %d",
                             names->nelts);
    return print(context, &arguments, APR_ARRAY_IDX(names, 0, const char *));
}
