/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl: the administrator's tool; under the name cvmfs_server it takes the same
 * lines. */
#include "config.h"
#include "replicactl/command.h"

#include <libgen.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "libreplica/format/hash.h"

static const struct command commands[] = {
    {"add-replica",
     "[-o OWNER] [-n ALIAS] [-w URL] [-u UPSTREAM] [-g GROUP] [-z] [-a] [-p]\n"
     "              STRATUM0-URL PUBLIC-KEY | -P [-o OWNER] [-n ALIAS] STRATUM0-URL",
     "Register a replica of a repository.", cmd_add_replica},
    {"snapshot",
     "[-t] [--accept-older REVISION] [NAME...] | -a [-s] [-n] [-i] [-g GROUP]",
     "Bring replicas to the revision their origins publish.", cmd_snapshot},
    {"gc",
     "[-r REVISIONS | -t WHEN] [-l] [-L FILE] [-d] [-f] [NAME...]\n"
     "       | -a|-A [OPTIONS] [NAME...]",
     "Remove what only old revisions refer to.", cmd_gc},
    {"status", "[--json]",
     "How the repositories are doing: revision, age, lag, errors, geo database.",
     cmd_status},
    {"check",
     "[-c] [-i] [-r] [--repair] [-t TAG] [-s PATH] [NAME] | -a [-c] [-i] [-r] [--repair]",
     "Verify catalogs and objects of a replica; --repair fetches what is damaged.",
     cmd_check},
    {"scrub", "[-r RATE] [NAME...] | -a [-r RATE]",
     "Read and verify all objects of replicas now; get what is damaged or missing.",
     cmd_scrub},
    {"update-geodb", "[-l]",
     "Get the geo database, or a newer one; -l only if it is old and it is time.",
     cmd_update_geodb},
    {"update-info", "[-e] [-p]",
     "Edit meta.json (not with -e) and write repositories.json.", cmd_update_info},
    {"list", "", "One line about each repository.", cmd_list},
    {"info", "[NAME]", "A summary of a repository.", cmd_info},
    {"mkfs",
     "[-o OWNER] [-w URL] [-u UPSTREAM] [-a HASH] [-Z COMPRESSION] [-k KEYS] [-g]\n"
     "       [-G SPAN] [-z] [-v] [-V MEMBERSHIP] [-f UNIONFS] [-m] [-p] [--compressor "
     "NAME]\n"
     "       [--profile NAME] NAME",
     "Make a repository that is published here.", cmd_mkfs},
    {"import",
     "[-o OWNER] [-w URL] [-u UPSTREAM] [-k KEYS] [-g] [-r] [-t] [-m] [-p] [-f UNIONFS]\n"
     "       [-c UID:GID] [-s] NAME",
     "Publish a repository here whose storage is here already.", cmd_import},
    {"ingest",
     "--from DIRECTORY NAME | [-t ARCHIVE -b BASE] [-d PATH]... [-c] [-u USER] [-g "
     "GROUP]\n"
     "       [-k] [--unpack] NAME",
     "Publish a directory, or put a tar archive into the repository.", cmd_ingest},
    {"publish", "--from DIRECTORY [-a TAG [-m DESCRIPTION]] [NAME]",
     "Publish the state of a directory, and give it a tag.", cmd_publish},
    {"tag",
     "[-l] [-x] [NAME] | -i TAG [-x] [NAME] | -b [-x] [NAME]\n"
     "        | -a TAG [-m DESCRIPTION] [-h ROOT-HASH] [NAME] | -r TAG... [-f] [NAME]",
     "List, show, add, move or remove tags of a repository that is published here.",
     cmd_tag},
    {"diff", "[-s TAG] [-d TAG] [-m] [-h] [-i] [NAME]",
     "Show what differs between two revisions: by default the last two.", cmd_diff},
    {"list-catalogs", "[-s] [-e] [-h] [-x] [NAME]",
     "Show the tree of catalogs of the present revision.", cmd_list_catalogs},
    {"rollback", "[-t TAG] [-f] [NAME]",
     "Publish the state of a tag as a new revision; without one, undo the last one.",
     cmd_rollback},
    {"resign", "[-d DAYS] [-f] [--drop-others] [-p] [NAME...]",
     "Sign a new whitelist; with -p the present revision, after a change of keys.",
     cmd_resign},
    {"renew-certificate", "[-k] [NAME]",
     "Change to a new certificate and key, or with -k to a new certificate alone.",
     cmd_renew_certificate},
    {"clean", "[NAME...]", "Publish a revision without the files that have expired.",
     cmd_clean},
    {"housekeeping", "[NAME...]",
     "Remove files that have expired, and collect all garbage that nobody needs.",
     cmd_housekeeping},
    {"lstags", "[-x] [NAME]", "The same as tag -l.", cmd_tag},
    {"list-tags", "[-x] [NAME]", "The same as tag -l.", cmd_tag},
    {"notify",
     "-p -u URL -r REPOSITORY [-v]\n"
     "       | -s -u URL -t NAME [-m REVISION] [-r REPOSITORY-URL] [-k KEYS] [-c] [-v]",
     "Tell a notification service of a repository's revision, or wait for one.",
     cmd_notify},
    {"adopt", "[--check] [-o USER] [--root DIRECTORY] | --undo [--root DIRECTORY]",
     "Take a reference server over in place; --check only says what would change.",
     cmd_adopt},
    {"client-config",
     "[--url URL] [--server URL]... [--proxy PROXY]... [--keys-dir FOLDER] [NAME]",
     "Print what clients of a repository have to be told: servers, proxies, keys.",
     cmd_client_config},
    {"proxy-config",
     "accelerator|site-proxy [--network CIDR]... [--port PORT]... [--peer HOST:PORT]...\n"
     "              [--memory MB] [--disk FOLDER:MB] [--workers N] [--name HOST] "
     "[--helpers FOLDER]\n"
     "              [--policy FILE] [--store-id FILE] [--rewrite FILE] [--root FOLDER]",
     "Print a squid.conf for this host, each line with its reason.", cmd_proxy_config},
    {"proxy-log", "[--json] [--top COUNT] [FILE...]",
     "What Squid's logs say: requests, hits and bytes by kind, repository and rule.",
     cmd_proxy_log},
    {"token", "add PRINCIPAL | list | remove PRINCIPAL|HASH",
     "Make, list and remove the bearer tokens by which uploads are allowed.", cmd_token},
    {"rmfs", "[-f] [-p] NAME...",
     "Remove repositories; -p keeps their data and keys, -f does not ask.", cmd_rmfs},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(*commands))

static const struct command absent = {.run = cmd_absent};

static struct command_context context;

static void on_signal(int number)
{
    context.stop = 1;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static const struct command *find_command(const char *verb)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].verb, verb) == 0)
            return &commands[i];
    return NULL;
}

static int print_usage(FILE *stream)
{
    fprintf(stream, "Usage: %s VERB [ARGUMENTS]\n\n", context.program);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %s %s\n      %s\n", commands[i].verb, commands[i].arguments,
                commands[i].sentence);
    fprintf(stream, "\n  --help-settings   every setting of the configuration files\n"
                    "  --version\n");
    return stream == stdout ? EXIT_OK : EXIT_USAGE;
}

static int print_settings(void)
{
    static const char *const types[] = {
        [SETTING_TYPE_TEXT] = "text",       [SETTING_TYPE_SECRET] = "secret text",
        [SETTING_TYPE_PATH] = "path",       [SETTING_TYPE_BOOLEAN] = "yes or no",
        [SETTING_TYPE_INTEGER] = "number",  [SETTING_TYPE_BYTES] = "bytes",
        [SETTING_TYPE_SECONDS] = "seconds",
    };

    for (int id = 0; id < SETTING_COUNT; id++) {
        const struct setting *setting = &setting_table[id];

        printf("%s (%s, default '%s'%s)\n    %s\n", setting->key, types[setting->type],
               setting->fallback,
               setting->scope == SETTING_SCOPE_SERVER ? ", server only" : "",
               setting->sentence);
    }
    return EXIT_OK;
}

static int help(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

    if (command == NULL)
        return print_usage(stdout);
    printf("Usage: %s %s %s\n\n%s\n", context.program, command->verb, command->arguments,
           command->sentence);
    return EXIT_OK;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct settings *server;
    struct error error;

    if (!hash_check_available(&error) ||
        !server_settings_read(&server, context.confdir, false, context.pool, &error))
        return command_fail(&context, &error);
    for (int i = 0; i < settings_warning_count(server); i++)
        fprintf(stderr, "%s\n", settings_warning(server, i));
    context.server = server;
    catch_signals();
    opterr = 0;
    return command->run(&context, argc, argv);
}

int main(int argc, char **argv)
{
    const char *confdir = getenv("REPLICA_CONFDIR");
    const struct command *command;

    setlocale(LC_ALL, "C");
    /* What is stored is for httpd to read, however private the habits of the caller. */
    umask(umask(022) & 022);
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&context.pool, NULL);
    context.program = basename(argv[0]);
    context.confdir = confdir != NULL ? confdir : "/etc/cvmfs";
    if (argc < 2)
        return print_usage(stderr);
    if (strcmp(argv[1], "--version") == 0) {
        printf("replica %s\n", PACKAGE_VERSION);
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--help-settings") == 0)
        return print_settings();
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
        return help(argc - 1, argv + 1);
    if (command_is_absent(argv[1]))
        return run_command(&absent, argc - 1, argv + 1);
    command = find_command(argv[1]);
    if (command == NULL) {
        fprintf(stderr, "%s: Unrecognized command: %s\n\n", context.program, argv[1]);
        print_usage(stderr);
        return EXIT_USAGE_MESSAGE;
    }
    return run_command(command, argc - 1, argv + 1);
}
