/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and ending a run of the publisher. */
#include "libreplica/publish/run.h"

#include "libreplica/base/log.h"
#include "libreplica/events/announce.h"
#include "libreplica/publish/compressor_record.h"
#include "libreplica/publish/head.h"

/* After a crash some objects may be damaged: those that are go, and what this revision
 * needs of them is written again. */
static bool recover(struct run *run, struct error *error)
{
    int64_t checked, removed;

    if (!run->marker.is_stale)
        return true;
    if (!dirty_marker_recover(&run->marker, &checked, &removed, run->publication->stop,
                              error))
        return false;
    log_write(LOG_LEVEL_WARNING, "publish-recovered checked=%lld removed=%lld",
              (long long)checked, (long long)removed);
    return true;
}

bool run_begin(struct run *run, const struct publish_target *target, apr_time_t now,
               const volatile int *stop, apr_pool_t *pool, struct error *error)
{
    struct publication *publication;
    struct manifest *present;

    if (!compressor_record_check(target, pool, error) ||
        !publication_open(&publication, target, now, stop, pool, error))
        return false;
    run->publication = publication;
    if (!store_clean_temporary(publication->store, error) ||
        !dirty_marker_open(&run->marker, publication->store, error) ||
        !recover(run, error))
        return false;
    if (!head_read(&present, publication, pool, error))
        return run_end(run, false, error);
    if (present->published_seconds > publication->now_seconds)
        publication->now_seconds = present->published_seconds;
    run->present = present;
    return true;
}

/* A run that failed leaves whole objects too: sync them, and the next one trusts them. An
 * event tells of what is durable. */
bool run_end(struct run *run, bool ok, struct error *error)
{
    const struct publication *publication = run->publication;
    struct error problem;

    if (!dirty_marker_close(&run->marker, ok ? error : &problem) || !ok)
        return false;
    announce_head_or_warn(publication->target->event_log, publication->store, "publish",
                          publication->pool);
    if (!compressor_record_write(publication->target, publication->pool, &problem))
        log_write(LOG_LEVEL_WARNING, "publish repository=%s %s",
                  publication->target->fqrn, problem.message);
    return true;
}
