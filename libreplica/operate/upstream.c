/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a replica's upstream. */
#include "libreplica/operate/upstream.h"

#include <jansson.h>

#include "libreplica/base/date.h"
#include "libreplica/format/manifest.h"
#include "libreplica/net/fetch.h"
#include "libreplica/operate/origin_options.h"

#define MANIFEST_SECONDS 20
#define STATUS_SECONDS   10
#define STATUS_SIZE_MAX  (256 * 1024)

static bool ask(struct text *text, const char *name, int seconds, int64_t limit,
                const struct repository *repository, const volatile int *stop,
                apr_pool_t *pool, struct error *error)
{
    struct fetcher_options options = origin_options(repository->settings, stop);
    const char *url = repository_origin_url(repository, pool);
    struct fetch_request request = {
        .base_url = url,
        .path = name,
        .total_seconds = seconds,
        .size_limit = limit,
    };
    struct fetcher *fetcher;

    if (*url == '\0')
        return error_set(error, ERROR_SETTING, "%s: CVMFS_STRATUM0 is not set",
                         repository->local_name);
    if (options.timeout_seconds > seconds)
        options.timeout_seconds = seconds;
    return fetcher_create(&fetcher, &options, pool, error) &&
           fetch_text_of(text, fetcher, &request, pool, error);
}

bool upstream_is_there(const struct repository *repository, const volatile int *stop,
                       apr_pool_t *pool, struct error *error)
{
    struct text text;

    return ask(&text, MANIFEST_NAME, MANIFEST_SECONDS, MANIFEST_SIZE_MAX, repository,
               stop, pool, error);
}

void upstream_last_gc(apr_time_t *when, bool *known, const struct repository *repository,
                      const volatile int *stop, apr_pool_t *pool)
{
    struct text text;
    const char *date;
    json_t *root;

    *known = false;
    if (!ask(&text, ".cvmfs_status.json", STATUS_SECONDS, STATUS_SIZE_MAX, repository,
             stop, pool, NULL))
        return;
    root = json_loadb(text.bytes, text.length, 0, NULL);
    date = json_string_value(json_object_get(root, "last_gc"));
    *known = date != NULL && date_parse_utc(when, text_of(date));
    json_decref(root);
}
