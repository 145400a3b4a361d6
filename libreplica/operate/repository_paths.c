/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a repository's folders are its alone. */
#include "libreplica/operate/repository_paths.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

/* Whether INNER is OUTER or below it. */
static bool contains(const char *outer, const char *inner)
{
    size_t length = strlen(outer);

    return *outer != '\0' && strncmp(outer, inner, length) == 0 &&
           (inner[length] == '\0' || inner[length] == '/' || outer[length - 1] == '/');
}

/* However it was written; what is not there is what it says. */
static const char *real_path(const char *path, apr_pool_t *pool)
{
    char real[PATH_MAX];

    return realpath(path, real) != NULL ? apr_pstrdup(pool, real) : path;
}

/* A slip in a configuration file must not cost more than the repository. */
static bool check_path(const char *path, const char *const *others, size_t count,
                       const char *refusal, struct error *error)
{
    if (*path != '/' || path[1] == '\0' || strstr(path, "/../") != NULL)
        return error_set(error, ERROR_USAGE,
                         "'%s' %s: it is no directory of a repository", path, refusal);
    for (size_t i = 0; i < count; i++)
        if (contains(path, others[i]))
            return error_set(error, ERROR_USAGE,
                             "%s %s: %s is in it; mend the repository's configuration",
                             path, refusal, others[i]);
    return true;
}

static bool check_other_repository(const struct repository *repository,
                                   const struct repository *other, const char *refusal,
                                   apr_pool_t *pool, struct error *error)
{
    const char *const ours[] = {repository->storage, repository->spool};
    const char *const theirs[] = {real_path(other->storage, pool),
                                  real_path(other->spool, pool)};

    for (size_t i = 0; i < 4; i++)
        if (contains(ours[i / 2], theirs[i % 2]) || contains(theirs[i % 2], ours[i / 2]))
            return error_set(
                error, ERROR_USAGE, "%s %s: it shares %s with the repository %s",
                repository->local_name, refusal, ours[i / 2], other->local_name);
    return true;
}

static bool check_other_repositories(const struct repository *repository,
                                     const char *confdir, const struct settings *server,
                                     const char *refusal, apr_pool_t *pool,
                                     struct error *error)
{
    apr_array_header_t *names;
    apr_pool_t *scratch;
    bool ok = true;

    if (!repository_names(&names, confdir, pool, error))
        return false;
    apr_pool_create(&scratch, pool);
    for (int i = 0; ok && i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *problem;
        struct repository *other;

        apr_pool_clear(scratch);
        if (strcmp(name, repository->local_name) != 0 &&
            repository_read_leniently(&other, &problem, confdir, name, server, scratch,
                                      NULL))
            ok = check_other_repository(repository, other, refusal, scratch, error);
    }
    apr_pool_destroy(scratch);
    return ok;
}

bool repository_paths_check(const struct repository *repository, const char *confdir,
                            const char *keys_dir, const struct settings *server,
                            const char *refusal, apr_pool_t *pool, struct error *error)
{
    const char *others[] = {confdir, keys_dir, settings_text(server, SETTING_STORAGE_DIR),
                            settings_text(server, SETTING_SERVER_SPOOL_DIR),
                            settings_text(server, SETTING_LOG_DIR)};
    size_t count = sizeof(others) / sizeof(*others);
    struct repository real = *repository;

    real.storage = real_path(repository->storage, pool);
    real.spool = real_path(repository->spool, pool);
    for (size_t i = 0; i < count; i++)
        others[i] = real_path(others[i], pool);
    return (*real.storage == '\0' ||
            check_path(real.storage, others, count, refusal, error)) &&
           check_path(real.spool, others, count, refusal, error) &&
           check_other_repositories(&real, confdir, server, refusal, pool, error);
}
