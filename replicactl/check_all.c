/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl check -a. */
#include "replicactl/check_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/lock.h"
#include "libreplica/operate/check_record.h"
#include "libreplica/operate/journal.h"
#include "libreplica/operate/replica_list.h"
#include "libreplica/operate/run_log.h"
#include "libreplica/store/file.h"
#include "replicactl/check_run.h"

#define DAY apr_time_from_sec(24 * 60 * 60)

struct turn {
    const struct repository *repository;
    apr_time_t last_check;
};

struct logged_check {
    struct check_options *options;
    int fd;
};

/* Only one such run at a time writes to the log: lines can go there at once, however many
 * they are. */
static void log_line(void *baton, const char *line)
{
    const struct logged_check *logged = baton;

    dprintf(logged->fd, "%s\n", line);
}

static void log_dated(const struct logged_check *logged, const char *before,
                      const char *word, const char *name, const char *after)
{
    char date[DATE_UTC_SIZE];

    date_format_utc(date, apr_time_now());
    dprintf(logged->fd, "%s%s %s at %s\n%s", before, word, name, date, after);
}

static bool run_logged(struct logged_check *logged, const struct command_context *context,
                       const struct repository *repository)
{
    struct error error;
    bool clean;

    if (!check_run(&clean, context, repository, logged->options, &error))
        log_line(logged, error.message);
    if (!clean)
        log_line(logged, "ERROR from cvmfs_server check!");
    return clean;
}

static int check_and_log(struct command_context *context,
                         const struct repository *repository, void *baton)
{
    struct logged_check *logged = baton;
    const char *name = repository->local_name;
    struct error error;
    bool clean;

    logged->options->stop = &context->stop;
    logged->options->say = log_line;
    logged->options->baton = logged;
    logged->options->is_brief = true;
    journal_write(name, "started check");
    log_dated(logged, "\n", "Starting", name, "");
    clean = run_logged(logged, context, repository);
    /* One that was broken off has not ended. */
    if (!context->stop && !check_record(repository, clean, context->pool, &error))
        log_line(logged, error.message);
    journal_write(name, clean ? "successfully completed check" : "check failed");
    log_dated(logged, "", "Finished", name, "\n");
    return EXIT_OK;
}

static int by_age(const void *a, const void *b)
{
    const struct turn *left = a, *right = b;

    if (left->last_check != right->last_check)
        return left->last_check < right->last_check ? -1 : 1;
    return strcmp(left->repository->local_name, right->repository->local_name);
}

/* Those whose turn it is, in order. */
static bool list_turns(apr_array_header_t **turns, const struct command_context *context,
                       struct error *error)
{
    apr_time_t least = settings_number(context->server, SETTING_CHECK_ALL_MIN_DAYS) * DAY;
    struct replica_list_options options = {.includes_stratum0 = true};
    apr_array_header_t *candidates, *problems;

    if (!replica_list(&candidates, &problems, context->confdir, context->server, &options,
                      context->pool, error))
        return false;
    *turns = apr_array_make(context->pool, candidates->nelts, sizeof(struct turn));
    for (int i = 0; i < candidates->nelts; i++) {
        const struct repository *repository =
            APR_ARRAY_IDX(candidates, i, struct replica_candidate).repository;
        struct turn turn = {repository, check_record_time(repository, context->pool)};

        if (turn.last_check == 0 || apr_time_now() - turn.last_check >= least)
            APR_ARRAY_PUSH(*turns, struct turn) = turn;
    }
    qsort((*turns)->elts, (size_t)(*turns)->nelts, sizeof(struct turn), by_age);
    return true;
}

static int run_all(struct command_context *context, struct check_options *options,
                   const char *log)
{
    apr_array_header_t *turns;
    struct error error;

    if (!list_turns(&turns, context, &error))
        return command_fail(context, &error);
    for (int i = 0; i < turns->nelts && !context->stop; i++) {
        struct logged_check logged = {options, run_log_open(log, &error)};

        if (logged.fd < 0)
            return command_fail(context, &error);
        command_run_as_owner(context, APR_ARRAY_IDX(turns, i, struct turn).repository,
                             check_and_log, &logged);
        close(logged.fd);
    }
    return EXIT_OK;
}

int check_all(struct command_context *context, struct check_options *options)
{
    const char *spool = settings_text(context->server, SETTING_SERVER_SPOOL_DIR);
    const char *folder = settings_text(context->server, SETTING_LOG_DIR);
    const char *path = apr_pstrcat(context->pool, spool, "/is_checking_all.lock", NULL);
    struct error error;
    struct lock *lock;
    int code;

    if (!file_make_directory(folder, 0755, context->pool, &error) ||
        !file_make_directory(spool, 0755, context->pool, &error))
        return command_fail(context, &error);
    if (!lock_try(&lock, path, context->pool, &error)) {
        if (error.code == ERROR_BUSY)
            journal_write(
                NULL,
                "skipping start of cvmfs_server check because %s held by active "
                "process",
                path);
        return command_fail(context, &error);
    }
    code = run_all(context, options,
                   apr_pstrcat(context->pool, folder, "/checks.log", NULL));
    lock_release(lock);
    return code;
}
