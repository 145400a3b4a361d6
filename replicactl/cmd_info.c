/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl info: a summary of one repository. */
#include "replicactl/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/operate/repository_info.h"

static const char *or_never(const char *date)
{
    return date != NULL ? date : "never";
}

static const char *yes_or_no(bool value)
{
    return value ? "yes" : "no";
}

static void print_whitelist(const struct repository_info *info)
{
    apr_time_t left = info->whitelist_expires - apr_time_now();

    if (info->whitelist_expires == 0)
        printf("There is no whitelist\n");
    else if (left <= 0)
        printf("Whitelist is expired\n");
    else
        printf("Whitelist is valid for another %" PRId64 " days\n",
               (int64_t)apr_time_sec(left) / 86400);
}

static void print_manifest(const struct manifest *manifest)
{
    char catalog[HASH_TEXT_SIZE], date[DATE_UTC_SIZE];

    if (manifest == NULL) {
        printf("Nothing is published yet\n");
        return;
    }
    date_format_utc(date, apr_time_from_sec(manifest->published_seconds));
    printf("Revision: %" PRId64 "\nPublished: %s\nRoot catalog: %s (%" PRId64
           " bytes)\nGarbage collectable: %s\n",
           manifest->revision, date, hash_format(catalog, &manifest->catalog),
           manifest->catalog_size, yes_or_no(manifest->garbage_collectable));
}

static void print_origin(struct command_context *context,
                         const struct repository *repository,
                         const struct repository_info *info)
{
    const char *url = settings_text(repository->settings, SETTING_STRATUM0);
    struct error error;
    int64_t revision;

    printf("Origin: %s\n", url);
    if (!repository_info_ask_origin(&revision, repository, &context->stop, context->pool,
                                    &error))
        printf("Origin's revision: not known: %s\n", error.message);
    else if (info->manifest == NULL || info->manifest->revision == revision)
        printf("Origin's revision: %" PRId64 "\n", revision);
    else
        printf("Origin's revision: %" PRId64 " (we are %" PRId64 " behind)\n", revision,
               revision - info->manifest->revision);
}

static void print_snapshots(const struct repository_info *info)
{
    printf("Last snapshot: %s%s\nLast garbage collection: %s\n",
           or_never(info->last_snapshot),
           info->is_snapshotting ? " (one is running)" : "", or_never(info->last_gc));
    if (info->last_error != NULL)
        printf("Last error: %s\n", info->last_error);
}

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void print_client_lines(const struct command_context *context,
                               const struct repository *repository)
{
    const struct settings *settings = repository->settings;
    const char *keys = settings_text(settings, SETTING_PUBLIC_KEY);
    const char *url = settings_text(settings, repository->kind == REPOSITORY_STRATUM1
                                                  ? SETTING_STRATUM1
                                                  : SETTING_STRATUM0);
    char *rest = apr_pstrdup(context->pool, keys), *key;

    printf("\nClient configuration, /etc/cvmfs/config.d/%s.conf:\n  CVMFS_SERVER_URL=%s\n"
           "  %s=%s\nKeys that the client needs:\n",
           repository->fqrn, url,
           is_directory(keys) ? "CVMFS_KEYS_DIR" : "CVMFS_PUBLIC_KEY", keys);
    while ((key = strsep(&rest, ":")) != NULL)
        if (*key != '\0')
            printf("  %s\n", key);
}

static void print_head(const struct repository *repository)
{
    bool is_replica = repository->kind == REPOSITORY_STRATUM1;

    printf("Repository name: %s\n", repository->fqrn);
    if (strcmp(repository->fqrn, repository->local_name) != 0)
        printf("Local name: %s\n", repository->local_name);
    printf("Created by CernVM-FS %s\nType: %s\nOwner: %s\n",
           settings_text(repository->settings, SETTING_CREATOR_VERSION),
           is_replica ? "stratum1" : "stratum0",
           *repository->user != '\0' ? repository->user : "whoever works on it");
}

static int print_info(struct command_context *context,
                      const struct repository *repository)
{
    struct repository_info info;
    struct error error;

    print_head(repository);
    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH)) {
        printf("Pass-through from: %s\n",
               settings_text(repository->settings, SETTING_STRATUM0));
        return EXIT_OK;
    }
    if (!repository_info_read(&info, repository, context->pool, &error))
        return command_fail(context, &error);
    printf("Stratum1 replication allowed: %s\n", yes_or_no(info.is_replicable));
    print_whitelist(&info);
    print_manifest(info.manifest);
    if (repository->kind == REPOSITORY_STRATUM1) {
        print_snapshots(&info);
        print_origin(context, repository, &info);
    }
    printf("Storage: %s (%" PRId64 " MiB and %" PRId64 " inodes free)\n",
           repository->storage, info.free_bytes >> 20, info.free_inodes);
    print_client_lines(context, repository);
    return EXIT_OK;
}

int cmd_info(struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *names;
    int code;

    if (getopt(argc, argv, "+") != -1)
        return command_usage(context, "info", "Command info: Unrecognized option: -%c",
                             optopt);
    if (argc - optind > 1)
        return command_usage(context, "info", "Too many arguments provided");
    code = command_repositories(&names, context, argc - optind, argv + optind);
    for (int i = 0; code == EXIT_OK && i < names->nelts; i++) {
        struct repository *repository;
        struct error error;

        if (i > 0)
            putchar('\n');
        code = repository_read(&repository, context->confdir,
                               APR_ARRAY_IDX(names, i, const char *), context->server,
                               context->pool, &error)
                   ? print_info(context, repository)
                   : command_fail(context, &error);
    }
    return code;
}
