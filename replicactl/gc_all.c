/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl gc -a. */
#include "replicactl/gc_all.h"

#include <stdio.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/lock.h"
#include "libreplica/operate/run_log.h"
#include "libreplica/store/file.h"

static const char *log_file(const struct command_context *context)
{
    return apr_pstrcat(context->pool, command_log_directory(context), "/gc.log", NULL);
}

/* A line in gc.log that belongs to no run. */
static void note(const struct command_context *context, const char *before,
                 const char *after)
{
    FILE *file = fopen(log_file(context), "ae");
    char date[DATE_UTC_SIZE];

    date_format_utc(date, apr_time_now());
    if (file != NULL) {
        fprintf(file, "%s%s %s\n", before, date, after);
        fclose(file);
    }
}

static void log_problem(const struct command_context *context, const char *name,
                        const struct error *error)
{
    int fd = run_log_open(log_file(context), NULL);
    struct run_log *log;

    if (fd < 0)
        return;
    log = run_log_stream(name, fd, context->pool);
    run_log_error(log, "gc", error);
    run_log_end(log, fd, NULL);
    close(fd);
}

/* Monitors raise an alarm when last_gc grows old. The time is from before the question:
 * what the upstream does from now on counts next time. */
static int set_last_gc(struct command_context *context,
                       const struct repository *repository, void *baton)
{
    const apr_time_t *when = baton;
    struct error error;

    return replica_gc_note(repository, *when, context->pool, &error)
               ? EXIT_OK
               : command_fail(context, &error);
}

static bool is_wanted(struct command_context *context,
                      const struct gc_arguments *arguments,
                      const struct repository *repository)
{
    apr_time_t asked = apr_time_now();

    if (arguments->even_if_not_wanted ||
        replica_gc_is_wanted(repository, &context->stop, context->pool))
        return true;
    if (!arguments->is_dry_run)
        command_run_as_owner(context, repository, set_last_gc, &asked);
    return false;
}

static bool is_collectable(const struct command_context *context,
                           const struct repository *repository)
{
    return settings_boolean(repository->settings, SETTING_REPLICA_ACTIVE) &&
           !settings_boolean(repository->settings, SETTING_PASSTHROUGH) &&
           replica_gc_is_allowed(repository, context->pool);
}

int gc_all_choose(apr_array_header_t **left, struct command_context *context,
                  const struct gc_arguments *arguments, const apr_array_header_t *names)
{
    int collectable = 0;

    if (!command_has_log_directory(context))
        return EXIT_FATAL;
    *left = apr_array_make(context->pool, names->nelts, sizeof(struct repository *));
    for (int i = 0; i < names->nelts && !context->stop; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        struct repository *repository;
        struct error error;

        if (!repository_read(&repository, context->confdir, name, context->server,
                             context->pool, &error)) {
            log_problem(context, name, &error);
            continue;
        }
        if (!is_collectable(context, repository))
            continue;
        collectable++;
        if (is_wanted(context, arguments, repository))
            APR_ARRAY_PUSH(*left, struct repository *) = repository;
    }
    if (collectable > 0)
        return EXIT_OK;
    fprintf(stderr, "There are no active garbage-collectable repositories\n");
    return EXIT_FATAL;
}

struct logged_run {
    const struct gc_arguments *arguments;
    int fd;
};

static int collect_logged(struct command_context *context,
                          const struct repository *repository, void *baton)
{
    const struct logged_run *run = baton;
    struct replica_gc_options options = gc_options(context, run->arguments);
    struct run_log *log = run_log_stream(repository->local_name, run->fd, context->pool);
    struct replica_gc_outcome outcome;
    struct error error;

    options.say = run_log_say;
    options.baton = log;
    if (!replica_gc(&outcome, repository, &options, context->pool, &error))
        run_log_error(log, "gc", &error);
    if (!run_log_end(log, run->fd, &error))
        command_fail(context, &error);
    return EXIT_OK;
}

static void collect_one(struct command_context *context,
                        const struct gc_arguments *arguments,
                        const struct repository *repository)
{
    struct logged_run run = {arguments, -1};
    struct error error;

    run.fd = run_log_open(log_file(context), &error);
    if (run.fd < 0) {
        command_fail(context, &error);
        return;
    }
    command_run_as_owner(context, repository, collect_logged, &run);
    close(run.fd);
}

int gc_all(struct command_context *context, const struct gc_arguments *arguments,
           const apr_array_header_t *repositories)
{
    const char *directory = settings_text(context->server, SETTING_SLOT_DIR);
    struct error error;
    struct lock *lock;

    if (repositories->nelts == 0) {
        note(context, "At ",
             "there are no garbage-collectable repositories that were collected "
             "upstream");
        return EXIT_OK;
    }
    if (!file_make_directory(directory, 0755, context->pool, &error) ||
        !lock_try(&lock, apr_pstrcat(context->pool, directory, "/gc_all.lock", NULL),
                  context->pool, &error)) {
        if (error.code != ERROR_BUSY)
            return command_fail(context, &error);
        note(context, "Another gc of all repositories is at work at ", ", exiting");
        return EXIT_OK;
    }
    for (int i = 0; i < repositories->nelts && !context->stop; i++)
        collect_one(context, arguments,
                    APR_ARRAY_IDX(repositories, i, struct repository *));
    lock_release(lock);
    return EXIT_OK;
}
