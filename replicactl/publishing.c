/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that change a Stratum 0 share. */
#include "replicactl/publishing.h"

#include <inttypes.h>
#include <stdio.h>

#include "libreplica/base/lock.h"
#include "libreplica/operate/journal.h"
#include "libreplica/operate/replica_gc.h"

struct publishing {
    publishing_work *work;
    bool changes;
    bool collects;
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

static struct replica_gc_options gc_defaults(const struct command_context *context)
{
    return (struct replica_gc_options){.stop = &context->stop, .say = command_say};
}

/* What an interrupted collection still has to remove must not be published again before
 * it is gone. */
static bool begin(struct lock **lock, struct command_context *context,
                  const struct repository *repository, struct error *error)
{
    struct replica_gc_options options = gc_defaults(context);
    struct store *store;

    if (!take_lock(lock, context, repository, error))
        return false;
    if (repository_open_store(&store, repository, context->pool, error) &&
        replica_gc_recover(repository, store, &options, context->pool, error))
        return true;
    lock_release(*lock);
    return false;
}

static bool collect_if_due(struct command_context *context,
                           const struct repository *repository, struct error *error)
{
    struct replica_gc_options options = gc_defaults(context);
    struct gc_result result;
    struct store *store;
    bool due;

    if (!repository_open_store(&store, repository, context->pool, error) ||
        !replica_gc_is_due(&due, &options.keep, repository, store, apr_time_now(),
                           context->pool, error))
        return false;
    if (!due)
        return true;
    command_say(NULL, "Running automatic garbage collection");
    if (replica_gc_locked(&result, repository, store, &options, context->pool, error))
        return true;
    if (error->code != ERROR_BUSY)
        return false;
    command_say(NULL, error->message);
    return true;
}

/* What was published stays published, whatever comes of the collection. */
static int collect(struct command_context *context, const struct repository *repository)
{
    struct error error;

    if (collect_if_due(context, repository, &error))
        return EXIT_OK;
    error_prefix(&error, "Published, but garbage collection failed");
    return command_fail(context, &error);
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
        (publishing->changes && !begin(&lock, context, repository, &error)))
        return command_fail(context, &error);
    code = publishing->work(context, &target, publishing->baton);
    if (code == EXIT_OK && publishing->collects)
        code = collect(context, repository);
    if (lock != NULL)
        lock_release(lock);
    return code;
}

static int run(struct command_context *context, int argc, char **argv,
               struct publishing *publishing)
{
    struct repository *repository;
    int code = command_one_repository(&repository, context, argc, argv);

    if (code != EXIT_OK)
        return code;
    if (repository->kind != REPOSITORY_STRATUM0) {
        fprintf(stderr, "%s is not a stratum 0 repository\n", repository->local_name);
        return EXIT_FATAL;
    }
    return command_run_as_owner(context, repository, run_as_owner, publishing);
}

int publishing_run(struct command_context *context, int argc, char **argv, bool changes,
                   publishing_work *work, void *baton)
{
    struct publishing publishing = {.work = work, .changes = changes, .baton = baton};

    return run(context, argc, argv, &publishing);
}

int publishing_run_collecting(struct command_context *context, int argc, char **argv,
                              publishing_work *work, void *baton)
{
    struct publishing publishing = {work, true, true, baton};

    return run(context, argc, argv, &publishing);
}

void publishing_begin(const struct publish_target *target)
{
    journal_write(target->fqrn, "started publishing");
}

int publishing_fail(struct command_context *context, const struct publish_target *target,
                    const struct error *error)
{
    journal_write(target->fqrn, "failed to publish");
    return command_fail(context, error);
}

void publishing_say(const struct publish_target *target,
                    const struct publish_result *result)
{
    journal_write(target->fqrn, "successfully published revision %" PRId64,
                  result->revision);
    if (result->catalogs_stored == 0)
        printf("Nothing has changed: %s stays at revision %" PRId64 "\n", target->fqrn,
               result->revision);
    else
        printf("Published revision %" PRId64 " of %s: %" PRId64 " entries in %" PRId64
               " catalogs (%" PRId64 " new), %" PRId64 " bytes\n",
               result->revision, target->fqrn, result->entries, result->catalogs,
               result->catalogs_stored, result->bytes);
}
