/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl clean and housekeeping: remove what has expired, and the garbage. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "libreplica/operate/clean_expired.h"
#include "libreplica/operate/replica_gc.h"
#include "replicactl/publishing.h"

struct cleaning {
    const struct repository *repository;
    bool collects; /* all but the present revision and named ones */
};

static bool collect(struct command_context *context, const struct repository *repository,
                    struct error *error)
{
    struct replica_gc_options options = {
        .keep = {.revisions = 0}, .stop = &context->stop, .say = command_say};
    struct gc_result result;
    struct store *store;

    return repository_open_store(&store, repository, context->pool, error) &&
           replica_gc_locked(&result, repository, store, &options, context->pool, error);
}

static int clean(struct command_context *context, const struct publish_target *target,
                 void *baton)
{
    const struct cleaning *cleaning = baton;
    struct publish_result result;
    struct error error;
    int64_t removed;

    if (!clean_expired(&removed, &result, cleaning->repository, target, apr_time_now(),
                       &context->stop, context->pool, &error))
        return command_fail(context, &error);
    if (removed == 0)
        printf("Nothing has expired in %s\n", target->fqrn);
    else
        printf("%" PRId64 " expired in %s: removed with revision %" PRId64 "\n", removed,
               target->fqrn, result.revision);
    fflush(stdout);
    if (!cleaning->collects ||
        !replica_gc_is_allowed(cleaning->repository, context->pool))
        return EXIT_OK;
    return collect(context, cleaning->repository, &error) ? EXIT_OK
                                                          : command_fail(context, &error);
}

static int clean_one(struct command_context *context, char *name, bool collects)
{
    struct cleaning cleaning = {.collects = collects};
    struct repository *repository;
    struct error error;

    if (!repository_read(&repository, context->confdir, name, context->server,
                         context->pool, &error))
        return command_fail(context, &error);
    cleaning.repository = repository;
    return collects ? publishing_run(context, 1, &name, true, clean, &cleaning)
                    : publishing_run_collecting(context, 1, &name, clean, &cleaning);
}

/* One that fails does not keep the others from it. */
static int clean_all(struct command_context *context, const apr_array_header_t *names,
                     bool collects)
{
    int worst = EXIT_OK;

    for (int i = 0; i < names->nelts && !context->stop; i++) {
        int code = clean_one(context, APR_ARRAY_IDX(names, i, char *), collects);

        if (code != EXIT_OK)
            worst = code;
    }
    return worst;
}

/* What is published here, and by whoever may do it. */
static bool is_ours(const struct repository *repository, const char *user)
{
    return repository->kind == REPOSITORY_STRATUM0 &&
           (geteuid() == 0 || repository_is_of(repository, user));
}

static bool find_ours(apr_array_header_t **ours, const struct command_context *context,
                      struct error *error)
{
    const char *user = owner_current_name(context->pool);
    apr_array_header_t *names;

    if (!repository_names(&names, context->confdir, context->pool, error))
        return false;
    *ours = apr_array_make(context->pool, names->nelts, sizeof(char *));
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *problem;
        struct repository *repository;

        if (!repository_read_leniently(&repository, &problem, context->confdir, name,
                                       context->server, context->pool, NULL))
            continue;
        if (is_ours(repository, user))
            APR_ARRAY_PUSH(*ours, const char *) = name;
    }
    return true;
}

int cmd_clean(struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *names;
    int code;

    if (getopt(argc, argv, "+") != -1)
        return command_usage(context, "clean", "Command clean: Unrecognized option");
    code = command_repositories(&names, context, argc - optind, argv + optind);
    return code == EXIT_OK ? clean_all(context, names, false) : code;
}

int cmd_housekeeping(struct command_context *context, int argc, char **argv)
{
    apr_array_header_t *names;
    struct error error;
    int code;

    if (getopt(argc, argv, "+") != -1)
        return command_usage(context, "housekeeping",
                             "Command housekeeping: Unrecognized option");
    if (optind == argc)
        return find_ours(&names, context, &error) ? clean_all(context, names, true)
                                                  : command_fail(context, &error);
    code = command_repositories(&names, context, argc - optind, argv + optind);
    return code == EXIT_OK ? clean_all(context, names, true) : code;
}
