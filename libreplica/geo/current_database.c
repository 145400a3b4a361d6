/* SPDX-License-Identifier: Apache-2.0 */
/* The database in service: exchanged for a new one while readers go on. */
#include "libreplica/geo/current_database.h"

#include <stdatomic.h>
#include <apr_strings.h>

/* One database and those who use it. Its pool belongs to no other: pools are made on one
 * thread here and destroyed on another. A version itself stays in memory, to be used
 * again for a later database, so that a reader who comes late finds a count and no ruin.
 */
struct version {
    _Atomic(struct geo_database *) database; /* NULL: none at present */
    atomic_int holders;
    apr_pool_t *pool;
    struct version *next;
};

struct current_database {
    apr_array_header_t *paths;
    _Atomic(struct version *) in_service; /* NULL: there never was a good one */
    _Atomic(struct version *) versions;   /* all of them */

    /* Of the thread that refreshes. */
    apr_pool_t *pool;
    uint64_t reported; /* the state of the files that was reported last; 0 for none */
    struct error refusal;
    bool is_partial; /* not all files are in service */
};

static apr_status_t destroy(void *baton)
{
    struct current_database *current = baton;

    for (struct version *version = current->versions; version != NULL;
         version = version->next)
        if (version->database != NULL)
            apr_pool_destroy(version->pool);
    apr_pool_destroy(current->pool);
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
    apr_pool_create(&current->pool, NULL);
    apr_pool_cleanup_register(pool, current, destroy, apr_pool_cleanup_null);
    return current;
}

/* A version without a database: one that was used before, or a new one. */
static struct version *spare_version(struct current_database *current)
{
    struct version *version = current->versions;

    while (version != NULL && version->database != NULL)
        version = version->next;
    if (version == NULL) {
        version = apr_pcalloc(current->pool, sizeof(*version));
        version->next = current->versions;
        current->versions = version;
    }
    return version;
}

static bool put_in_service(struct current_database *current,
                           const apr_array_header_t *paths, struct error *error)
{
    struct geo_database *database;
    struct version *version;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    if (!geo_database_open(&database, paths, pool, error)) {
        apr_pool_destroy(pool);
        return false;
    }
    version = spare_version(current);
    version->pool = pool;
    version->database = database;
    current->in_service = version;
    return true;
}

/* Of several files those that are good: better than nothing. */
static void put_part_in_service(struct current_database *current)
{
    apr_pool_t *pool;
    apr_array_header_t *good;
    struct error ignored;

    apr_pool_create(&pool, NULL);
    good = apr_array_make(pool, current->paths->nelts, sizeof(char *));
    for (int i = 0; i < current->paths->nelts; i++) {
        const char *path = APR_ARRAY_IDX(current->paths, i, const char *);
        apr_array_header_t *one = apr_array_make(pool, 1, sizeof(char *));
        struct geo_database *database;

        APR_ARRAY_PUSH(one, const char *) = path;
        if (geo_database_open(&database, one, pool, &ignored))
            APR_ARRAY_PUSH(good, const char *) = path;
    }
    if (good->nelts > 0 && put_in_service(current, good, &ignored))
        current->is_partial = true;
    apr_pool_destroy(pool);
}

/* Close what was replaced and is no longer held. */
static void close_unused(struct current_database *current)
{
    for (struct version *version = current->versions; version != NULL;
         version = version->next)
        if (version != current->in_service && version->database != NULL &&
            version->holders == 0) {
            version->database = NULL;
            apr_pool_destroy(version->pool);
        }
}

static uint64_t version_in_service(const struct current_database *current)
{
    const struct version *version = current->in_service;

    return version != NULL ? geo_database_version(version->database) : 0;
}

bool current_database_refresh(struct current_database *current, bool *is_news,
                              struct error *error)
{
    uint64_t state = geo_database_look(current->paths);
    enum error_code refused_for = current->refusal.code;

    close_unused(current);
    *is_news = state != current->reported;
    current->reported = state;
    if (state == version_in_service(current)) {
        current->refusal.code = ERROR_NONE;
        return true;
    }
    /* What the system refuses it may grant later, what is damaged stays so. */
    if (*is_news || refused_for != ERROR_BAD_FORMAT) {
        if (put_in_service(current, current->paths, &current->refusal)) {
            current->refusal.code = ERROR_NONE;
            current->is_partial = false;
            current->reported = version_in_service(current);
            *is_news = true;
            return true;
        }
        *is_news = *is_news || current->refusal.code != refused_for;
        if (*is_news && current->paths->nelts > 1 &&
            (current->in_service == NULL || current->is_partial))
            put_part_in_service(current);
    }
    *error = current->refusal;
    return false;
}

void current_database_fall_back(struct current_database *current,
                                const apr_array_header_t *paths)
{
    struct error ignored;

    if ((current->in_service == NULL || current->is_partial) &&
        put_in_service(current, paths, &ignored))
        current->is_partial = false;
}

/* A count may go up on a version that is being replaced: whoever counts looks once more
 * whether it still is the one, and whoever closes one has replaced it before he looks at
 * the count. */
struct geo_database *current_database_hold(struct current_database *current)
{
    struct version *version;

    while ((version = current->in_service) != NULL) {
        version->holders++;
        if (version == current->in_service)
            return version->database;
        version->holders--;
    }
    return NULL;
}

void current_database_release(struct current_database *current,
                              struct geo_database *database)
{
    struct version *version = current->versions;

    if (database == NULL)
        return;
    while (version->database != database)
        version = version->next;
    version->holders--;
}
