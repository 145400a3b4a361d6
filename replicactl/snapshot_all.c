/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl snapshot -a. */
#include "replicactl/snapshot_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/lock.h"
#include "libreplica/operate/replica_list.h"
#include "libreplica/operate/replica_snapshot.h"
#include "libreplica/operate/run_log.h"
#include "libreplica/operate/snapshot_slot.h"

static bool has_logrotate(const struct command_context *context)
{
    const char *path = settings_text(context->server, SETTING_LOGROTATE_FILE);

    if (access(path, F_OK) == 0)
        return true;
    fprintf(stderr,
            "%s does not exist!\n"
            "To prevent this error message, create the file or use -n option.\n"
            "Suggested content:\n"
            "%s/*.log {\n    weekly\n    missingok\n    notifempty\n}\n",
            path, command_log_directory(context));
    return false;
}

static const char *log_file(const struct command_context *context,
                            const struct snapshot_all_arguments *arguments,
                            const char *local_name)
{
    return apr_pstrcat(context->pool, command_log_directory(context), "/",
                       arguments->separate_logs ? local_name : "snapshots", ".log", NULL);
}

/* A line in snapshots.log that belongs to no run. */
static void note(const struct command_context *context, const char *text)
{
    const char *path = apr_pstrcat(context->pool, command_log_directory(context),
                                   "/snapshots.log", NULL);
    char date[DATE_UTC_SIZE];
    FILE *file = fopen(path, "ae");

    date_format_utc(date, apr_time_now());
    if (file != NULL) {
        fprintf(file, "\n%s at %s, exiting\n", text, date);
        fclose(file);
    }
}

static int snapshot_logged(struct command_context *context,
                           const struct repository *repository, void *baton)
{
    struct run_log *log = baton;
    struct replica_snapshot_options options = {
        .abort_on_conflict = true,
        .accept_older = SNAPSHOT_NO_OLDER,
        .stop = &context->stop,
        .say = run_log_say,
        .baton = log,
    };
    struct replica_snapshot_outcome outcome;
    struct error error;

    if (!replica_snapshot(&outcome, repository, &options, context->pool, &error)) {
        run_log_error(log, "snapshot", &error);
        return EXIT_FATAL;
    }
    if (outcome.gc_failed)
        run_log_error(log, "snapshot", &outcome.gc_error);
    return outcome.gc_failed ? EXIT_FATAL : EXIT_OK;
}

/* The block is written by the process that ran: a child's memory ends with it. */
static int snapshot_and_log(struct command_context *context,
                            const struct repository *repository, void *baton)
{
    const int *fd = baton;
    struct run_log *log = run_log_begin(repository->local_name, context->pool);
    struct error error;
    int code = snapshot_logged(context, repository, log);

    if (!run_log_end(log, *fd, &error))
        command_fail(context, &error);
    return code;
}

static void run_one(struct command_context *context,
                    const struct snapshot_all_arguments *arguments,
                    const struct repository *repository)
{
    struct error error;
    int fd = run_log_open(log_file(context, arguments, repository->local_name), &error);

    if (fd < 0) {
        command_fail(context, &error);
        return;
    }
    command_run_as_owner(context, repository, snapshot_and_log, &fd);
    close(fd);
}

static void report_problems(const struct command_context *context,
                            const struct snapshot_all_arguments *arguments,
                            const apr_array_header_t *problems)
{
    for (int i = 0; i < problems->nelts; i++) {
        const struct replica_problem *problem =
            &APR_ARRAY_IDX(problems, i, struct replica_problem);
        struct run_log *log = run_log_begin(problem->local_name, context->pool);
        int fd;

        run_log_error(log, "snapshot", &problem->error);
        fd = run_log_open(log_file(context, arguments, problem->local_name), NULL);
        if (fd >= 0) {
            run_log_end(log, fd, NULL);
            close(fd);
        }
    }
}

static int run_all(struct command_context *context,
                   const struct snapshot_all_arguments *arguments)
{
    struct replica_list_options options = {arguments->group, arguments->skip_initial};
    apr_array_header_t *candidates, *problems;
    struct error error;

    if (!replica_list(&candidates, &problems, context->confdir, context->server, &options,
                      context->pool, &error))
        return command_fail(context, &error);
    report_problems(context, arguments, problems);
    for (int i = 0; i < candidates->nelts && !context->stop; i++)
        run_one(context, arguments,
                APR_ARRAY_IDX(candidates, i, struct replica_candidate).repository);
    return EXIT_OK;
}

int snapshot_all(struct command_context *context,
                 const struct snapshot_all_arguments *arguments)
{
    struct error error;
    struct lock *slot;
    int code;

    if (!command_has_log_directory(context) ||
        (!arguments->without_logrotate && !has_logrotate(context)))
        return EXIT_FATAL;
    if (!snapshot_slot_take(&slot, context->server, context->pool, &error)) {
        if (error.code != ERROR_BUSY)
            return command_fail(context, &error);
        note(context, error.message);
        return EXIT_OK;
    }
    code = run_all(context, arguments);
    lock_release(slot);
    return code;
}
