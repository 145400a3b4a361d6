/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that change a Stratum 0 share. */
#include "replicactl/publishing.h"

#include <stdio.h>

#include "libreplica/base/lock.h"

struct publishing {
    publishing_work *work;
    bool changes;
    void *baton;
};

static bool take_lock(struct lock **lock, const struct command_context *context,
                      const struct repository *repository, struct error *error)
{
    const char *path = repository_update_lock(repository, context->pool);

    if (lock_try(lock, path, context->pool, error))
        return true;
    if (error->code != ERROR_BUSY)
        return false;
    command_say(NULL, "waiting for another update to finish...");
    return lock_wait(lock, path, &context->stop, context->pool, error);
}

static int run_as_owner(struct command_context *context,
                        const struct repository *repository, void *baton)
{
    const struct publishing *publishing = baton;
    struct publish_target target;
    struct lock *lock = NULL;
    struct error error;
    int code;

    if (!publish_target_of(&target, repository, command_keys_directory(context),
                           context->pool, &error) ||
        (publishing->changes && !take_lock(&lock, context, repository, &error)))
        return command_fail(context, &error);
    code = publishing->work(context, &target, publishing->baton);
    if (lock != NULL)
        lock_release(lock);
    return code;
}

int publishing_run(struct command_context *context, int argc, char **argv, bool changes,
                   publishing_work *work, void *baton)
{
    struct publishing publishing = {work, changes, baton};
    struct repository *repository;
    apr_array_header_t *names;
    struct error error;
    int code = command_repositories(&names, context, argc, argv);

    if (code != EXIT_OK)
        return code;
    if (names->nelts != 1) {
        fprintf(stderr, "one repository, please\n");
        return EXIT_FATAL;
    }
    if (!repository_read(&repository, context->confdir,
                         APR_ARRAY_IDX(names, 0, const char *), context->server,
                         context->pool, &error))
        return command_fail(context, &error);
    if (repository->kind != REPOSITORY_STRATUM0) {
        fprintf(stderr, "%s is not a stratum 0 repository\n", repository->local_name);
        return EXIT_FATAL;
    }
    return command_run_as_owner(context, repository, run_as_owner, &publishing);
}
