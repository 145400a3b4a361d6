/* SPDX-License-Identifier: Apache-2.0 */
/* What the event log lacks: heads whose writers crashed before they told of them. */
#include "snapshotd/daemon.h"

#include <string.h>

#include "libreplica/base/log.h"
#include "libreplica/events/announce.h"
#include "libreplica/store/repository.h"

static bool announce(struct daemon *daemon, const char *log, const char *local_name,
                     apr_pool_t *pool, struct error *error)
{
    struct repository *repository;
    struct store *store;

    if (!repository_read(&repository, daemon->confdir, local_name, daemon->server, pool,
                         error))
        return false;
    if (!repository_is_of(repository, daemon->user) ||
        settings_boolean(repository->settings, SETTING_PASSTHROUGH))
        return true;
    return store_open(&store, repository->storage, repository->temporary, pool, error) &&
           announce_head(log, store, "snapshotd", pool, error);
}

void daemon_announce(struct daemon *daemon)
{
    const char *log = settings_text(daemon->server, SETTING_EVENT_LOG);
    apr_array_header_t *names;
    struct error error;
    apr_pool_t *pool, *own;

    if (*log == '\0')
        return;
    apr_pool_create(&pool, daemon->pool);
    apr_pool_create(&own, pool);
    if (!repository_names(&names, daemon->confdir, pool, &error)) {
        log_write(LOG_LEVEL_ERROR, "no events at start: %s", error.message);
    } else {
        for (int i = 0; i < names->nelts; i++) {
            const char *name = APR_ARRAY_IDX(names, i, const char *);

            apr_pool_clear(own);
            if (!announce(daemon, log, name, own, &error))
                log_write(LOG_LEVEL_WARNING, "event not stored repository=%s: %s", name,
                          error.message);
        }
    }
    apr_pool_destroy(pool);
}
