/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at repositories: opening a large catalog for each would cost more than the look.
 */
#include "snapshotd/door_internal.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/store/tree_view.h"

struct kept_view {
    pthread_mutex_t mutex;  /* of what follows */
    const char *storage;    /* of the view */
    struct tree_view *view; /* NULL: none */
    apr_pool_t *pool;       /* its own */
};

static struct kept_view *find(struct door *door, const char *name)
{
    struct kept_view *kept;

    pthread_mutex_lock(&door->mutex);
    kept = apr_hash_get(door->views, name, APR_HASH_KEY_STRING);
    if (kept == NULL) {
        kept = apr_pcalloc(door->pool, sizeof(*kept));
        pthread_mutex_init(&kept->mutex, NULL);
        apr_pool_create(&kept->pool, NULL);
        apr_hash_set(door->views, apr_pstrdup(door->pool, name), APR_HASH_KEY_STRING,
                     kept);
    }
    pthread_mutex_unlock(&door->mutex);
    return kept;
}

static bool open_view(struct kept_view *kept, const struct repository *repository,
                      struct error *error)
{
    struct store *store;

    kept->view = NULL;
    apr_pool_clear(kept->pool);
    kept->storage = apr_pstrdup(kept->pool, repository->storage);
    if (repository_open_store(&store, repository, kept->pool, error) &&
        tree_view_open(&kept->view, store, kept->pool, error))
        return true;
    kept->view = NULL;
    return false;
}

static bool is_current(const struct kept_view *kept, const struct repository *repository,
                       apr_pool_t *pool)
{
    struct error unused;
    bool current;

    return kept->view != NULL && strcmp(kept->storage, repository->storage) == 0 &&
           tree_view_is_current(kept->view, &current, pool, &unused) && current;
}

bool door_view_enter(struct tree_view **view, const struct door_context *context,
                     struct door_job *job, struct error *error)
{
    const struct repository *repository = context->repository;
    struct kept_view *kept = find(job->connection->door, repository->local_name);

    pthread_mutex_lock(&kept->mutex);
    if (!is_current(kept, repository, job->pool) && !open_view(kept, repository, error)) {
        pthread_mutex_unlock(&kept->mutex);
        return false;
    }
    *view = kept->view;
    return true;
}

void door_view_leave(const struct door_context *context, struct door_job *job)
{
    struct kept_view *kept = find(job->connection->door, context->repository->local_name);

    pthread_mutex_unlock(&kept->mutex);
}

void door_views_close(struct door *door)
{
    for (apr_hash_index_t *it = apr_hash_first(door->pool, door->views); it != NULL;
         it = apr_hash_next(it)) {
        struct kept_view *kept = apr_hash_this_val(it);

        apr_pool_destroy(kept->pool);
        pthread_mutex_destroy(&kept->mutex);
    }
}
