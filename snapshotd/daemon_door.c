/* SPDX-License-Identifier: Apache-2.0 */
/* The socket, as long as there is an access file: without one nobody may do anything. */
#include "snapshotd/daemon.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/access/access.h"
#include "libreplica/store/repository.h"
#include "libreplica/store/store_uploads.h"

static bool clean_one(struct daemon *daemon, const char *name, apr_pool_t *pool,
                      struct error *error)
{
    struct repository *repository;
    struct store *store;

    if (!repository_read(&repository, daemon->confdir, name, daemon->server, pool, error))
        return true; /* that is said elsewhere */
    if (repository->kind != REPOSITORY_STRATUM0 ||
        !repository_is_of(repository, daemon->user))
        return true;
    return repository_open_store(&store, repository, pool, error) &&
           store_clean_uploads(store, error);
}

/* What uploads left behind that an earlier process did not finish. */
static void clean_uploads(struct daemon *daemon, apr_pool_t *pool)
{
    apr_array_header_t *names;
    struct error error;

    if (!repository_names(&names, daemon->confdir, pool, &error))
        return;
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (!clean_one(daemon, name, pool, &error))
            log_write(LOG_LEVEL_WARNING, "repository=%s uploads not cleaned up: %s", name,
                      error.message);
    }
}

void daemon_open_door(struct daemon *daemon)
{
    struct error error;
    apr_pool_t *pool;

    if (daemon->door != NULL)
        return;
    apr_pool_create(&pool, NULL);
    if (access(apr_pstrcat(pool, daemon->confdir, "/" ACCESS_FILE_NAME, NULL), F_OK) ==
        0) {
        clean_uploads(daemon, pool);
        if (!door_open(&daemon->door, daemon->confdir, daemon->user, daemon->server,
                       &error))
            daemon_report_once(daemon, LOG_LEVEL_ERROR, error.message);
    }
    apr_pool_destroy(pool);
}

void daemon_close_door(struct daemon *daemon)
{
    if (daemon->door != NULL)
        door_close(daemon->door);
    daemon->door = NULL;
}
