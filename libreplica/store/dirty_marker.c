/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty marker. */
#include "libreplica/store/dirty_marker.h"

#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/base/log.h"
#include "libreplica/store/store_internal.h"

/* The clock may have been stepped back while the marker was open: look a little further.
 */
#define CLOCK_SLACK apr_time_from_sec(3600)

bool dirty_marker_open(struct dirty_marker *marker, struct store *store,
                       struct error *error)
{
    char date[DATE_UTC_SIZE], line[DATE_UTC_SIZE + 32];
    struct store_status status;

    marker->store = store;
    if (!store_stat_file(store, DIRTY_MARKER_NAME, &status, &marker->is_stale, error))
        return false;
    if (marker->is_stale) {
        /* One from the future was made by a clock that was wrong: it dates nothing. */
        marker->since =
            status.changed > apr_time_now() ? 0 : status.changed - CLOCK_SLACK;
        return true;
    }
    date_format_iso(date, apr_time_now());
    apr_snprintf(line, sizeof(line), "%ld %s\n", (long)getpid(), date);
    marker->since = 0;
    return store_replace(store, DIRTY_MARKER_NAME, text_of(line), error);
}

bool dirty_marker_covers(const struct dirty_marker *marker,
                         const struct store_status *status)
{
    return marker->is_stale && status->changed >= marker->since;
}

struct recovery {
    const struct dirty_marker *marker;
    int64_t checked;
    int64_t removed;
    const volatile int *stop;
};

static bool recover_object(void *baton, const struct object *object,
                           const struct store_status *status, struct error *error)
{
    struct recovery *recovery = baton;
    struct store *store = recovery->marker->store;
    char name[OBJECT_NAME_SIZE];
    bool intact;

    if (recovery->stop != NULL && *recovery->stop)
        return error_set(error, ERROR_CANCELLED, "stopped while checking objects");
    if (!dirty_marker_covers(recovery->marker, status))
        return true;
    recovery->checked++;
    if (!store_verify(store, object, &intact, error))
        return false;
    if (intact)
        return true;
    recovery->removed++;
    log_write(LOG_LEVEL_WARNING, "recover removed=%s size=%lld reason=incomplete",
              object_name(name, object), (long long)status->size);
    return store_remove(store, object, error);
}

bool dirty_marker_recover(const struct dirty_marker *marker, int64_t *checked,
                          int64_t *removed, const volatile int *stop, struct error *error)
{
    struct recovery recovery = {marker, 0, 0, stop};
    bool ok = true;

    for (unsigned int folder = 0; ok && folder < STORE_FOLDERS; folder++)
        ok = store_list(marker->store, folder, recover_object, &recovery, error);
    *checked = recovery.checked;
    *removed = recovery.removed;
    return ok;
}

bool dirty_marker_close(struct dirty_marker *marker, struct error *error)
{
    return store_barrier(marker->store, error) &&
           store_remove_file(marker->store, DIRTY_MARKER_NAME, error);
}
