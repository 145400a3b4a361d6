/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl scrub: one round now, over some replicas or all. */
#include "replicactl/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "libreplica/base/pace.h"
#include "libreplica/operate/replica_list.h"
#include "libreplica/operate/scrub.h"

struct scrubbing {
    struct command_context *context;
    struct pace pace; /* no rate: as fast as it goes */
    bool all;
};

static void pause_for(void *baton, int64_t bytes)
{
    struct scrubbing *scrubbing = baton;

    if (scrubbing->pace.bytes_per_second > 0 && !scrubbing->context->stop)
        apr_sleep(pace_delay(&scrubbing->pace, bytes, apr_time_now()));
}

static void say(void *baton, const char *line)
{
    command_say(NULL, line);
}

static void report(const struct scrub_result *result)
{
    const struct scrub_counters *round = &result->round;

    printf("%lld objects read, %lld bytes\n", (long long)round->objects,
           (long long)round->bytes);
    if (round->corrupt > 0 || round->missing > 0)
        printf("%lld corrupt and %lld missing objects, %lld repaired\n",
               (long long)round->corrupt, (long long)round->missing,
               (long long)round->repaired);
    if (result->open > 0)
        printf("CORRUPT OR MISSING OBJECTS: %lld are still to be repaired\n",
               (long long)result->open);
    else
        printf(round->corrupt > 0 || round->missing > 0 ? "all problems are repaired\n"
                                                        : "no problems found\n");
}

static int scrub_one(struct command_context *context, const struct repository *repository,
                     void *baton)
{
    struct scrub_options options = {
        .reads = true,
        .begins_anew = true,
        .waits = true,
        .tries = true,
        .pause = pause_for,
        .stop = &context->stop,
        .say = say,
        .baton = baton,
    };
    struct scrub_result result;
    struct error error;
    bool ok;

    printf("Scrubbing %s...\n", repository->local_name);
    fflush(stdout);
    ok = scrub_run(&result, repository, &options, context->pool, &error);
    report(&result);
    if (!ok)
        return command_fail(context, &error);
    return result.open == 0 ? EXIT_OK : EXIT_FATAL;
}

/* One that fails does not keep the others from being scrubbed. */
static int scrub_named(struct command_context *context, const apr_array_header_t *names,
                       struct scrubbing *scrubbing)
{
    int code = EXIT_OK;

    for (int i = 0; i < names->nelts && !context->stop; i++) {
        struct repository *repository;
        struct error error;
        bool ok = repository_read(&repository, context->confdir,
                                  APR_ARRAY_IDX(names, i, const char *), context->server,
                                  context->pool, &error);
        int one = ok ? command_run_as_owner(context, repository, scrub_one, scrubbing)
                     : command_fail(context, &error);

        if (code == EXIT_OK)
            code = one;
    }
    return context->stop ? EXIT_FATAL : code;
}

static int list_all(apr_array_header_t **names, const struct command_context *context)
{
    struct replica_list_options options = {.skip_initial = true};
    apr_array_header_t *candidates, *problems;
    struct error error;

    if (!replica_list(&candidates, &problems, context->confdir, context->server, &options,
                      context->pool, &error))
        return command_fail(context, &error);
    *names = apr_array_make(context->pool, candidates->nelts, sizeof(const char *));
    for (int i = 0; i < candidates->nelts; i++)
        APR_ARRAY_PUSH(*names, const char *) =
            APR_ARRAY_IDX(candidates, i, struct replica_candidate).repository->local_name;
    return EXIT_OK;
}

int cmd_scrub(struct command_context *context, int argc, char **argv)
{
    struct scrubbing scrubbing = {.context = context};
    apr_array_header_t *names;
    int option, code;

    while ((option = getopt(argc, argv, "+ar:")) != -1) {
        struct error error;
        const char *text;

        if (option == 'a')
            scrubbing.all = true;
        else if (option != 'r')
            return command_usage(context, "scrub", "Command scrub: Unrecognized option");
        else if (!setting_check(&text, &scrubbing.pace.bytes_per_second,
                                &setting_table[SETTING_SCRUB_RATE], optarg, &error))
            return command_usage(context, "scrub", "Command scrub: -r: %s",
                                 error.message);
    }
    if (scrubbing.all && optind < argc)
        return command_usage(context, "scrub",
                             "Command scrub: no non-option parameters expected with -a");
    code = scrubbing.all
               ? list_all(&names, context)
               : command_repositories(&names, context, argc - optind, argv + optind);
    return code != EXIT_OK ? code : scrub_named(context, names, &scrubbing);
}
