/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl notify: tell a notification service of a manifest, or wait for news. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/activity.h"
#include "libreplica/net/fetch.h"
#include "libreplica/net/notification.h"
#include "libreplica/operate/activity_check.h"
#include "libreplica/operate/origin_options.h"
#include "libreplica/store/file.h"
#include "replicactl/command.h"

/* The stock tool's. */
enum { EXIT_DOWNLOAD = 6, EXIT_OPEN = 7, EXIT_READ = 8, EXIT_POST = 9 };

#define DOWNLOAD_SECONDS 60
/* Eleven failures within a minute: it gives up. */
#define TRIES_MAX 10
#define TRIES_IN  apr_time_from_sec(60)
#define PAUSE     apr_time_from_sec(1)

struct notify_arguments {
    struct command_context *context;
    const char *url;
    const char *source;     /* URL or directory of the repository */
    const char *repository; /* to follow */
    const char *public_key; /* of it */
    struct client_origin client;
    bool is_client;   /* it comes from there */
    int64_t revision; /* known */
    bool publishes, subscribes, is_continuous, is_verbose;
};

static bool is_url(const char *source)
{
    return strncmp(source, "http://", 7) == 0 || strncmp(source, "https://", 8) == 0;
}

static bool download(struct text *manifest, const struct notify_arguments *arguments,
                     struct error *error)
{
    apr_pool_t *pool = arguments->context->pool;
    struct fetcher_options options =
        origin_options(arguments->context->server, &arguments->context->stop);
    struct fetch_request request = {.base_url = arguments->source,
                                    .path = MANIFEST_NAME,
                                    .total_seconds = DOWNLOAD_SECONDS,
                                    .no_cache = true,
                                    .size_limit = MANIFEST_SIZE_MAX};
    struct fetcher *fetcher;

    options.retries = 1;
    return fetcher_create(&fetcher, &options, pool, error) &&
           fetch_text_of(manifest, fetcher, &request, pool, error);
}

/* Returns the exit code. */
static int get_manifest(struct text *manifest, const struct notify_arguments *arguments,
                        struct error *error)
{
    apr_pool_t *pool = arguments->context->pool;
    const char *path = apr_pstrcat(pool, arguments->source, "/" MANIFEST_NAME, NULL);

    if (is_url(arguments->source))
        return download(manifest, arguments, error) ? EXIT_OK : EXIT_DOWNLOAD;
    if (access(path, R_OK) != 0) {
        error_set_errno(error, errno, "cannot open %s", path);
        return EXIT_OPEN;
    }
    return file_read(manifest, path, MANIFEST_SIZE_MAX, pool, error) ? EXIT_OK
                                                                     : EXIT_READ;
}

static int fail(int code, const struct error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return code;
}

static int publish(const struct notify_arguments *arguments)
{
    apr_pool_t *pool = arguments->context->pool;
    struct activity activity = {.time = apr_time_now()};
    struct manifest *manifest;
    struct error error;
    int code = get_manifest(&activity.manifest, arguments, &error);

    if (code != EXIT_OK) {
        error_prefix(&error, "manifest");
        return fail(code, &error);
    }
    if (!manifest_parse(&manifest, activity.manifest, pool, &error))
        return fail(EXIT_READ, &error);
    if (!text_is_repository_name(text_of(manifest->fqrn))) {
        fprintf(stderr, "the manifest names no repository\n");
        return EXIT_READ;
    }
    activity.fqrn = manifest->fqrn;
    if (arguments->is_verbose)
        printf("%s is at revision %lld\n", manifest->fqrn, (long long)manifest->revision);
    if (notification_post(arguments->url, activity_format(&activity, pool), pool, &error))
        return EXIT_OK;
    error_prefix(&error, "could not publish notification");
    return fail(EXIT_POST, &error);
}

/* ERROR_NONE stands for: that is all we wanted. */
static bool take_activity(struct notify_arguments *arguments,
                          const struct activity *activity, struct text message,
                          apr_pool_t *pool, struct error *error)
{
    struct activity_check check = {.confdir = arguments->context->confdir,
                                   .client =
                                       arguments->is_client ? &arguments->client : NULL,
                                   .may_fetch = true,
                                   .stop = &arguments->context->stop};
    struct checked_activity checked;

    if (!activity_check(&checked, activity, &check, apr_time_now(), pool, error))
        return false;
    if (checked.manifest->revision <= arguments->revision)
        return true;
    arguments->revision = checked.manifest->revision;
    printf("repository %s is now at revision %lld.\n", activity->fqrn,
           (long long)arguments->revision);
    if (arguments->is_verbose)
        printf("%.*s\n", (int)message.length, message.bytes);
    fflush(stdout);
    error->code = ERROR_NONE;
    return arguments->is_continuous;
}

static bool take(void *baton, const struct stream_event *event, struct error *error)
{
    struct notify_arguments *arguments = baton;
    struct activity *activity;
    apr_pool_t *pool;
    bool goes_on = true;

    apr_pool_create(&pool, arguments->context->pool);
    if (!activity_parse(&activity, event->data, pool, error))
        goes_on = false;
    else if (strcmp(activity->fqrn, arguments->repository) == 0)
        goes_on = take_activity(arguments, activity, event->data, pool, error);
    apr_pool_destroy(pool);
    return goes_on;
}

/* Keep the failures of the last minute; false: there are too many. */
static bool may_retry(apr_time_t failures[TRIES_MAX], int *count)
{
    apr_time_t now = apr_time_now();
    apr_time_t *oldest = &failures[*count % TRIES_MAX];
    bool is_too_soon = *count >= TRIES_MAX && now - *oldest < TRIES_IN;

    *oldest = now;
    ++*count;
    return !is_too_soon;
}

static int subscribe(struct notify_arguments *arguments)
{
    struct notification_subscription subscription = {
        .url = arguments->url,
        .repository = arguments->repository,
        .stop = &arguments->context->stop,
        .consume = take,
        .baton = arguments,
    };
    apr_time_t failures[TRIES_MAX];
    int count = 0;

    for (;;) {
        struct error error;
        apr_pool_t *pool;

        apr_pool_create(&pool, arguments->context->pool);
        notification_follow(&subscription, pool, &error);
        apr_pool_destroy(pool);
        if (error.code == ERROR_NONE || error.code == ERROR_CANCELLED)
            return EXIT_OK;
        fprintf(stderr, "%s\n", error.message);
        if (!may_retry(failures, &count))
            return EXIT_FATAL;
        apr_sleep(PAUSE);
    }
}

/* As a server that is configured here has it, or as the options or a client's files say.
 */
static bool choose_origin(struct notify_arguments *arguments, struct error *error)
{
    const struct command_context *context = arguments->context;
    struct repository *repository;

    if (arguments->source == NULL && arguments->public_key == NULL &&
        activity_repository(&repository, arguments->repository, context->confdir,
                            context->server, context->pool, error))
        return true;
    arguments->is_client = true;
    return client_origin_read(&arguments->client, arguments->repository, context->confdir,
                              arguments->source, arguments->public_key, context->pool,
                              error);
}

static int run_subscription(struct notify_arguments *arguments)
{
    struct error error;

    if (arguments->repository == NULL ||
        !text_is_repository_name(text_of(arguments->repository))) {
        puts("-s wants the name of a repository (-t)");
        return EXIT_FATAL;
    }
    return choose_origin(arguments, &error) ? subscribe(arguments)
                                            : command_fail(arguments->context, &error);
}

static int run(struct notify_arguments *arguments)
{
    if (arguments->publishes == arguments->subscribes) {
        puts("Either the \"publish\" (-p) or the \"subscribe\" (-s) option must be "
             "provided");
        return EXIT_FATAL;
    }
    if (arguments->url == NULL)
        return command_usage(arguments->context, "notify",
                             "the notification service's URL (-u) is missing");
    if (arguments->publishes && arguments->source == NULL) {
        puts("-p wants the URL or directory of a repository (-r)");
        return EXIT_FATAL;
    }
    return arguments->publishes ? publish(arguments) : run_subscription(arguments);
}

int cmd_notify(struct command_context *context, int argc, char **argv)
{
    struct notify_arguments arguments = {.context = context};
    int option;

    while ((option = getopt(argc, argv, "+psu:r:t:k:m:cv")) != -1)
        switch (option) {
        case 'p':
            arguments.publishes = true;
            break;
        case 's':
            arguments.subscribes = true;
            break;
        case 'u':
            arguments.url = optarg;
            break;
        case 'r':
            arguments.source = optarg;
            break;
        case 't':
            arguments.repository = optarg;
            break;
        case 'k':
            arguments.public_key = optarg;
            break;
        case 'm':
            if (text_parse_number(&arguments.revision, text_of(optarg)))
                break;
            return command_usage(context, "notify", "-m wants a revision");
        case 'c':
            arguments.is_continuous = true;
            break;
        case 'v':
            arguments.is_verbose = true;
            break;
        default:
            return command_usage(context, "notify",
                                 "Command notify: Unrecognized option");
        }
    if (optind != argc)
        return command_usage(context, "notify", "too many arguments");
    return run(&arguments);
}
