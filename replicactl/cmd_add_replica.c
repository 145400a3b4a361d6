/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl add-replica: register a replica of a repository that another server
 * publishes. */
#include "replicactl/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/geo/database_paths.h"
#include "libreplica/operate/add_replica.h"
#include "libreplica/operate/web_configuration.h"
#include "libreplica/geo/geo_state.h"

struct add_replica_arguments {
    struct add_replica_options options;
    const char *owner;
    const char *s3_configuration;
};

static bool take_option(struct add_replica_arguments *arguments, int option)
{
    switch (option) {
    case 'o':
        arguments->owner = optarg;
        return true;
    case 'n':
        arguments->options.local_name = optarg;
        return true;
    case 'w':
        arguments->options.stratum1_url = optarg;
        return true;
    case 'u':
        arguments->options.upstream = optarg;
        return true;
    case 's':
        arguments->s3_configuration = optarg;
        return true;
    case 'g':
        arguments->options.group = optarg;
        return true;
    case 'z':
        arguments->options.collects_garbage = true;
        return true;
    case 'P':
        arguments->options.is_passthrough = true;
        return true;
    case 'p':
        arguments->options.writes_no_web_configuration = true;
        return true;
    case 'a': /* there is no web server to insist on: the module looks replicas up */
        return true;
    default:
        return false;
    }
}

/* "a.pub:keys" from anywhere. */
static const char *absolute_keys(const struct command_context *context, const char *keys)
{
    char *rest = apr_pstrdup(context->pool, keys), *path;
    const char *list = NULL;

    while ((path = strsep(&rest, ":")) != NULL) {
        const char *absolute;

        if (*path == '\0')
            continue;
        absolute = command_absolute_path(context, path);
        list = list == NULL ? absolute
                            : apr_pstrcat(context->pool, list, ":", absolute, NULL);
    }
    return list != NULL ? list : "";
}

static bool check_passthrough(const struct add_replica_options *options)
{
    if (!options->is_passthrough)
        return true;
    if (options->upstream != NULL)
        fprintf(stderr, "Pass-through repository and non-default upstream storage are "
                        "mutually exclusive\n");
    else if (options->collects_garbage)
        fprintf(stderr, "Pass-through repository and garbage collection are mutually "
                        "exclusive\n");
    else
        return true;
    return false;
}

static void print_httpd_notice(const char *path, const struct add_replica *replica)
{
    bool is_debian = strstr(path, "/conf-available/") != NULL;

    printf("\n%s passes /cvmfs/%s/ on to %s as soon as httpd is reloaded:\n  %s\n", path,
           replica->local_name, replica->origin_url,
           is_debian ? "a2enmod proxy_http && apache2ctl -t && systemctl reload apache2"
                     : "setsebool -P httpd_can_network_connect on && apachectl -t && "
                       "systemctl reload httpd");
}

static void print_notice(const struct command_context *context,
                         const struct add_replica *replica,
                         const struct add_replica_options *options)
{
    const char *path;

    if (options->is_passthrough && options->writes_no_web_configuration)
        printf("\n%s is configured. Requests for it have to be passed on by the web "
               "server or Squid.\n",
               replica->local_name);
    else if (options->is_passthrough &&
             web_configuration_path(&path, context->server, replica->local_name,
                                    context->pool, NULL))
        print_httpd_notice(path, replica);
    else
        printf("\nUse '%s snapshot %s' to replicate it now; a running snapshotd does so "
               "by itself.\n",
               context->program, replica->local_name);
}

/* The repository is none the worse for it, but its clients' choice of a server is. */
static void note_missing_geodb(const struct command_context *context)
{
    const apr_array_header_t *paths = geo_database_paths(context->server, context->pool);

    if (paths->nelts > 0 && !geo_state_read(context->server, context->pool).is_there)
        fprintf(stderr,
                "NOTE: there is no geo database (%s): clients that ask for the nearest "
                "server get 503 until '%s update-geodb' has been run.\n",
                APR_ARRAY_IDX(paths, 0, const char *), context->program);
}

static int write_replica(struct command_context *context,
                         const struct add_replica *replica,
                         const struct add_replica_arguments *arguments)
{
    struct error error;
    struct owner owner;

    if (!check_passthrough(&arguments->options))
        return EXIT_FATAL;
    if (arguments->s3_configuration != NULL) {
        fprintf(stderr, "-s: storage in S3 is not in this version, only local storage\n");
        return EXIT_FATAL;
    }
    if (!command_may_change(context, "create a new repository",
                            command_directories(context)) ||
        !command_choose_owner(&owner, context, replica->local_name, arguments->owner))
        return EXIT_FATAL;
    if (!add_replica_write(replica, &owner, &arguments->options, context->confdir,
                           context->server, context->pool, &error))
        return error.code == ERROR_SETTING
                   ? command_usage(context, "add-replica", "%s", error.message)
                   : command_fail(context, &error);
    print_notice(context, replica, &arguments->options);
    note_missing_geodb(context);
    return EXIT_OK;
}

int cmd_add_replica(struct command_context *context, int argc, char **argv)
{
    struct add_replica_arguments arguments = {
        .options = {.group = "", .stop = &context->stop, .say = command_say}};
    struct add_replica_options *options = &arguments.options;
    struct add_replica replica;
    struct error error;
    int option, wanted;

    while ((option = getopt(argc, argv, "+o:u:n:w:azs:pg:P")) != -1)
        if (!take_option(&arguments, option))
            return command_usage(context, "add-replica",
                                 "Command add-replica: Unrecognized option: -%c", optopt);
    wanted = options->is_passthrough ? 1 : 2;
    if (argc - optind != wanted)
        return command_usage(context, "add-replica", "Too %s arguments provided",
                             argc - optind < wanted ? "few" : "many");
    options->origin_url = argv[optind];
    if (!options->is_passthrough)
        options->public_key = absolute_keys(context, argv[optind + 1]);
    if (options->local_name != NULL)
        options->local_name = command_full_name(context, options->local_name);
    if (!add_replica_check(&replica, options, context->confdir, context->server,
                           context->pool, &error))
        return command_fail(context, &error);
    return write_replica(context, &replica, &arguments);
}
