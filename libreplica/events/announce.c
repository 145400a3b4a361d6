/* SPDX-License-Identifier: Apache-2.0 */
/* Appending heads to the event log. */
#include "libreplica/events/announce.h"

#include <apr_strings.h>

#include "libreplica/base/log.h"

struct event_record announce_event(const struct activity *activity,
                                   const struct manifest *manifest, const char *source,
                                   apr_pool_t *pool)
{
    char digits[HASH_TEXT_SIZE];

    return (struct event_record){
        .topic = activity->fqrn,
        .kind = EVENT_ACTIVITY,
        .revision = manifest->revision,
        .mark =
            apr_psprintf(pool, "%" APR_INT64_T_FMT "-%s", (apr_int64_t)manifest->revision,
                         hash_format(digits, &manifest->catalog)),
        .time = apr_time_now(),
        .source = source,
        .payload = activity_format(activity, pool),
    };
}

static bool append_head(const char *log, struct store *store, const char *source,
                        apr_pool_t *pool, struct error *error)
{
    struct activity activity = {0};
    struct manifest *manifest;
    enum event_fate fate;
    struct event_record event;
    struct error reason;

    if (!store_read(&activity.manifest, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool,
                    &reason))
        return reason.code == ERROR_NOT_FOUND ||
               error_set(error, reason.code, "%s", reason.message);
    if (!manifest_parse(&manifest, activity.manifest, pool, error))
        return error_prefix(error, "%s/" MANIFEST_NAME, store_root(store));
    if (!text_is_repository_name(text_of(manifest->fqrn)))
        return error_set(error, ERROR_BAD_FORMAT,
                         "%s/" MANIFEST_NAME " is not of a repository with a name",
                         store_root(store));
    activity.fqrn = manifest->fqrn;
    /* The same message however often and wherever it is made. */
    activity.time = apr_time_from_sec(manifest->published_seconds);
    event = announce_event(&activity, manifest, source, pool);
    return event_log_append(&fate, NULL, log, &event, pool, error);
}

bool announce_head(const char *log, struct store *store, const char *source,
                   apr_pool_t *pool, struct error *error)
{
    apr_pool_t *own;
    bool ok;

    if (log == NULL || *log == '\0')
        return true;
    apr_pool_create(&own, pool);
    ok = append_head(log, store, source, own, error);
    apr_pool_destroy(own);
    return ok;
}

void announce_head_or_warn(const char *log, struct store *store, const char *source,
                           apr_pool_t *pool)
{
    struct error error;

    if (!announce_head(log, store, source, pool, &error))
        log_write(LOG_LEVEL_WARNING, "event not stored tree=%s: %s", store_root(store),
                  error.message);
}
