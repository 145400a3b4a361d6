/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl list: one line per repository. */
#include "replicactl/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/repository_info.h"

#define LAYOUT_NEWEST 143
#define LAYOUT_OLDEST 137

static const char *storage_type(const struct repository *repository, apr_pool_t *pool)
{
    const char *triple = settings_text(repository->settings, SETTING_UPSTREAM_STORAGE);

    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH))
        return "pass-through";
    return *triple == '\0' ? "local" : apr_pstrmemdup(pool, triple, strcspn(triple, ","));
}

/* What only a repository that is published here can be. */
static const char *stratum0_flags(const struct repository *repository, apr_pool_t *pool)
{
    const char *transaction =
        apr_pstrcat(pool, repository->spool, "/in_transaction", NULL);
    struct repository_info info;
    const char *flags = access(transaction, F_OK) == 0 ? " - in transaction" : "";

    repository_info_read(&info, repository, pool, NULL);
    if (info.whitelist_expires == 0)
        return apr_pstrcat(pool, flags, " - whitelist unreachable", NULL);
    if (info.whitelist_expires <= apr_time_now())
        return apr_pstrcat(pool, flags, " - whitelist expired", NULL);
    return flags;
}

static bool has_known_layout(const char *version)
{
    int64_t number;

    return text_parse_number(&number, text_of(version)) && number >= LAYOUT_OLDEST &&
           number <= LAYOUT_NEWEST;
}

static void print_line(const struct repository *repository, const char *problem,
                       apr_pool_t *pool)
{
    const char *layout = settings_text(repository->settings, SETTING_CREATOR_VERSION);
    bool is_replica = repository->kind == REPOSITORY_STRATUM1;

    printf("%s (%s / %s%s%s)", repository->local_name,
           is_replica ? "stratum1" : "stratum0", storage_type(repository, pool),
           is_replica ? "" : stratum0_flags(repository, pool),
           problem != NULL ? " - bad configuration" : "");
    if (is_replica && strcmp(repository->fqrn, repository->local_name) != 0)
        printf(" -> %s", repository->fqrn);
    if (!has_known_layout(layout))
        printf(" (created with INCOMPATIBLE layout revision %s)", layout);
    putchar('\n');
    if (problem != NULL)
        fprintf(stderr, "%s\n", problem);
}

int cmd_list(struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *names;
    struct error error;

    if (!repository_names(&names, context->confdir, context->pool, &error))
        return command_fail(context, &error);
    for (int i = 0; i < names->nelts; i++) {
        struct repository *repository;
        const char *problem;
        apr_pool_t *own;

        apr_pool_create(&own, context->pool);
        if (repository_read_leniently(&repository, &problem, context->confdir,
                                      APR_ARRAY_IDX(names, i, const char *),
                                      context->server, own, &error))
            print_line(repository, problem, own);
        apr_pool_destroy(own);
    }
    return EXIT_OK;
}
