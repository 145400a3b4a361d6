/* SPDX-License-Identifier: Apache-2.0 */
/* The database in service: exchanged for a new one while readers go on. */
#include "libreplica/geo/current_database.h"

#include <pthread.h>
#include <apr_strings.h>

/* One database and those who use it. Its pool belongs to no other: pools are made and
 * destroyed on any thread here. */
struct version {
    struct geo_database *database;
    apr_pool_t *pool;
    int holders;
    struct version *older;
};

struct current_database {
    apr_array_header_t *paths;
    pthread_mutex_t mutex;    /* for the next line and what it leads to */
    struct version *versions; /* the first is in service, the others are still held */

    /* Of the thread that refreshes. */
    uint64_t reported; /* the state of the files that was reported last; 0 for none */
    struct error refusal;
};

static apr_status_t destroy(void *baton)
{
    struct current_database *current = baton;

    while (current->versions != NULL) {
        struct version *version = current->versions;

        current->versions = version->older;
        apr_pool_destroy(version->pool);
    }
    pthread_mutex_destroy(&current->mutex);
    return APR_SUCCESS;
}

struct current_database *current_database_create(const apr_array_header_t *paths,
                                                 apr_pool_t *pool)
{
    struct current_database *current = apr_pcalloc(pool, sizeof(*current));

    current->paths = apr_array_make(pool, paths->nelts, sizeof(char *));
    for (int i = 0; i < paths->nelts; i++)
        APR_ARRAY_PUSH(current->paths, char *) =
            apr_pstrdup(pool, APR_ARRAY_IDX(paths, i, const char *));
    pthread_mutex_init(&current->mutex, NULL);
    apr_pool_cleanup_register(pool, current, destroy, apr_pool_cleanup_null);
    return current;
}

/* NULL, with *error set, if there is none to be had. */
static struct version *open_version(const apr_array_header_t *paths, struct error *error)
{
    struct geo_database *database;
    struct version *version;
    apr_pool_t *pool;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS) {
        error_set(error, ERROR_IO, "not enough memory for a database");
        return NULL;
    }
    if (!geo_database_open(&database, paths, pool, error)) {
        apr_pool_destroy(pool);
        return NULL;
    }
    version = apr_pcalloc(pool, sizeof(*version));
    version->database = database;
    version->pool = pool;
    return version;
}

static void put_in_service(struct current_database *current, struct version *version)
{
    struct version *replaced;

    pthread_mutex_lock(&current->mutex);
    replaced = current->versions;
    version->older = replaced;
    if (replaced != NULL && replaced->holders == 0)
        version->older = replaced->older;
    else
        replaced = NULL;
    current->versions = version;
    pthread_mutex_unlock(&current->mutex);
    if (replaced != NULL)
        apr_pool_destroy(replaced->pool);
}

/* Nobody else changes what is in service, so this thread may look without the mutex. */
static uint64_t version_in_service(const struct current_database *current)
{
    if (current->versions == NULL)
        return 0;
    return geo_database_version(current->versions->database);
}

bool current_database_refresh(struct current_database *current, bool *is_news,
                              struct error *error)
{
    uint64_t state = geo_database_look(current->paths);
    enum error_code refused_for = current->refusal.code;
    struct version *version;

    *is_news = state != current->reported;
    current->reported = state;
    if (state == version_in_service(current)) {
        current->refusal.code = ERROR_NONE;
        return true;
    }
    /* What the system refuses it may grant later, what is damaged stays so. */
    if (*is_news || refused_for != ERROR_BAD_FORMAT) {
        version = open_version(current->paths, &current->refusal);
        if (version != NULL) {
            current->refusal.code = ERROR_NONE;
            current->reported = geo_database_version(version->database);
            *is_news = true;
            put_in_service(current, version);
            return true;
        }
        *is_news = *is_news || current->refusal.code != refused_for;
    }
    *error = current->refusal;
    return false;
}

struct geo_database *current_database_hold(struct current_database *current)
{
    struct geo_database *database = NULL;

    pthread_mutex_lock(&current->mutex);
    if (current->versions != NULL) {
        current->versions->holders++;
        database = current->versions->database;
    }
    pthread_mutex_unlock(&current->mutex);
    return database;
}

void current_database_release(struct current_database *current,
                              struct geo_database *database)
{
    struct version **link = &current->versions, *unused = NULL;

    if (database == NULL)
        return;
    pthread_mutex_lock(&current->mutex);
    while ((*link)->database != database)
        link = &(*link)->older;
    (*link)->holders--;
    if ((*link)->holders == 0 && link != &current->versions) {
        unused = *link;
        *link = unused->older;
    }
    pthread_mutex_unlock(&current->mutex);
    if (unused != NULL)
        apr_pool_destroy(unused->pool);
}
