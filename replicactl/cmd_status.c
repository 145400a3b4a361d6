/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl status: how the server and its repositories are doing. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/human.h"
#include "libreplica/store/server_report.h"

#define COLUMNS 7

struct row {
    const char *cells[COLUMNS];
};

static const struct row heading = {
    {"REPOSITORY", "STATE", "REVISION", "LAST SNAPSHOT", "LAG", "WHITELIST", "NEXT IN"}};

static const char *since(apr_time_t when, apr_time_t now, apr_pool_t *pool)
{
    if (when <= 0)
        return "-";
    return human_duration(when < now ? apr_time_sec(now - when) : 0, pool);
}

static const char *lag_of(const struct repository_report *repository, apr_time_t now,
                          apr_pool_t *pool)
{
    int64_t lag = repository_report_lag(repository, now);

    if (lag < 0)
        return "-";
    return lag == 0 ? "none" : human_duration(lag, pool);
}

static const char *whitelist_of(const struct repository_report *repository,
                                apr_time_t now, apr_pool_t *pool)
{
    if (repository->whitelist_expires == 0)
        return "-";
    if (repository->whitelist_expires <= now)
        return "expired";
    return since(now, repository->whitelist_expires, pool);
}

static const char *or_dash(const char *text)
{
    return *text != '\0' ? text : "-";
}

static struct row make_row(const struct repository_report *repository, apr_time_t now,
                           apr_pool_t *pool)
{
    const char *state = repository_state_name(repository_report_state(repository, now));
    const char *revision = "-";

    if (repository->is_partial)
        state = apr_pstrcat(pool, state, ", partial", NULL);
    if (repository->revision >= 0)
        revision =
            apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)repository->revision);
    return (struct row){{repository->local_name, state, revision,
                         since(repository->last_snapshot, now, pool),
                         lag_of(repository, now, pool),
                         whitelist_of(repository, now, pool),
                         or_dash(repository_report_next(repository, now, pool))}};
}

static void widen(size_t widths[COLUMNS], const struct row *row)
{
    for (int i = 0; i < COLUMNS; i++)
        if (strlen(row->cells[i]) > widths[i])
            widths[i] = strlen(row->cells[i]);
}

static void print_row(const size_t widths[COLUMNS], const struct row *row)
{
    for (int i = 0; i < COLUMNS - 1; i++)
        printf("%-*s  ", (int)widths[i], row->cells[i]);
    printf("%s\n", row->cells[COLUMNS - 1]);
}

static void print_trouble(const char *text, apr_pool_t *pool)
{
    if (text != NULL)
        printf("  %s\n", text_for_people(text_of(text), 1024, pool));
}

static void print_progress(const struct repository_report *repository, apr_time_t now,
                           apr_pool_t *pool)
{
    if (repository->running_since == 0)
        return;
    printf("  in progress since %s", since(repository->running_since, now, pool));
    if (repository->running_objects >= 0)
        printf(": %lld objects, %s", (long long)repository->running_objects,
               human_size(repository->running_bytes, pool));
    putchar('\n');
}

static void print_unsigned(const struct repository_report *repository, apr_pool_t *pool)
{
    if (repository->signing_error != NULL)
        print_trouble(apr_pstrcat(pool, "the whitelist is not signed anew: ",
                                  repository->signing_error, NULL),
                      pool);
}

static void print_damage(const struct repository_report *repository)
{
    if (repository->scrub_open > 0)
        printf("  %d objects are damaged or missing, and no upstream gave them yet\n",
               repository->scrub_open);
}

static void print_sick_upstreams(const struct repository_report *repository,
                                 apr_pool_t *pool)
{
    for (int i = 0; i < repository->upstreams->nelts; i++) {
        const struct upstream_report *upstream =
            &APR_ARRAY_IDX(repository->upstreams, i, struct upstream_report);

        if (!upstream->is_healthy && upstream->error != NULL)
            print_trouble(apr_pstrcat(pool, "upstream ", upstream->url, ": ",
                                      upstream->error, NULL),
                          pool);
    }
}

static void print_server(const struct server_report *report, apr_pool_t *pool)
{
    apr_time_t built = apr_time_from_sec(report->geo.build_epoch);

    if (report->total_bytes > 0)
        printf("\nStorage %s: %s free of %s\n", report->storage,
               human_size(report->free_bytes, pool),
               human_size(report->total_bytes, pool));
    if (!report->geo.is_there)
        printf("Geo database: none\n");
    else if (built == 0)
        printf("Geo database: damaged\n");
    else
        printf("Geo database: built %s ago, installed %s ago, %" APR_INT64_T_FMT
               " days left\n",
               since(built, report->now, pool),
               since(apr_time_from_sec(report->geo.written), report->now, pool),
               (apr_int64_t)server_report_geo_days_left(report));
    print_trouble(report->geo_error, pool);
    printf("snapshotd: %s\n",
           report->daemon_reported > 0
               ? apr_pstrcat(pool, "last had news ",
                             since(report->daemon_reported, report->now, pool), " ago",
                             NULL)
               : "has left no report");
}

static void print_event_sources(const struct server_report *report, apr_pool_t *pool)
{
    for (int i = 0; i < report->event_sources->nelts; i++) {
        const struct event_source_report *source =
            &APR_ARRAY_IDX(report->event_sources, i, struct event_source_report);

        printf("Events of %s: %s",
               text_for_people(text_of(source->url), ERROR_MESSAGE_SIZE, pool),
               event_source_report_state(source, report->now, pool));
        if (source->last_event > 0)
            printf(", last one %s ago", since(source->last_event, report->now, pool));
        if (source->retries > 0)
            printf(", %lld retries", (long long)source->retries);
        putchar('\n');
        print_trouble(source->error, pool);
    }
}

static void print_table(const struct server_report *report, apr_pool_t *pool)
{
    int count = report->repositories->nelts;
    struct row *rows = apr_palloc(pool, ((size_t)count + 1) * sizeof(*rows));
    size_t widths[COLUMNS] = {0};

    widen(widths, &heading);
    for (int i = 0; i < count; i++) {
        rows[i] =
            make_row(&APR_ARRAY_IDX(report->repositories, i, struct repository_report),
                     report->now, pool);
        widen(widths, &rows[i]);
    }
    print_row(widths, &heading);
    for (int i = 0; i < count; i++) {
        const struct repository_report *repository =
            &APR_ARRAY_IDX(report->repositories, i, struct repository_report);

        print_row(widths, &rows[i]);
        print_progress(repository, report->now, pool);
        print_trouble(repository->problem, pool);
        print_trouble(repository->last_error, pool);
        print_unsigned(repository, pool);
        print_damage(repository);
        print_sick_upstreams(repository, pool);
    }
    print_server(report, pool);
    print_event_sources(report, pool);
}

static bool wants_json(bool *json, int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    int option;

    *json = false;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option != 'j')
            return false;
        *json = true;
    }
    return optind == argc;
}

int cmd_status(struct command_context *context, int argc, char **argv)
{
    struct server_report report;
    struct error error;
    const char *text;
    bool json;

    if (!wants_json(&json, argc, argv))
        return command_usage(context, "status", "Command status takes only --json");
    if (!server_report_read(&report, context->confdir, context->server, apr_time_now(),
                            context->pool, &error))
        return command_fail(context, &error);
    if (!json) {
        print_table(&report, context->pool);
        return EXIT_OK;
    }
    text = server_report_json(&report, context->pool);
    if (text == NULL) {
        error_set(&error, ERROR_IO, "the report cannot be written as JSON");
        return command_fail(context, &error);
    }
    fputs(text, stdout);
    return EXIT_OK;
}
