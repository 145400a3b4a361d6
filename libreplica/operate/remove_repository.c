/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a repository away. */
#include "libreplica/operate/remove_repository.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/base/lock.h"
#include "libreplica/format/manifest.h"
#include "libreplica/operate/repository_paths.h"
#include "libreplica/operate/server_info.h"
#include "libreplica/operate/web_configuration.h"
#include "libreplica/store/file.h"
#include "libreplica/store/store.h"

static void say(const struct remove_repository_options *options, const char *line)
{
    if (options->say != NULL)
        options->say(options->baton, line);
}

static bool is_directory(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool remove_storage(const struct repository *repository, apr_pool_t *pool,
                           struct error *error)
{
    struct store *store;
    apr_pool_t *own;
    bool ok = true;

    if (is_directory(repository->storage)) {
        apr_pool_create(&own, pool);
        ok = store_open(&store, repository->storage, repository->temporary, own, error) &&
             store_remove_file(store, MANIFEST_NAME, error);
        apr_pool_destroy(own);
    }
    return ok && store_destroy(repository->storage, pool, error);
}

static bool remove_keys(const struct repository *repository, const char *keys_dir,
                        apr_pool_t *pool, struct error *error)
{
    static const char *const endings[] = {"masterkey", "pub", "key", "crt", "gw"};

    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (!file_remove_tree(
                apr_pstrcat(pool, keys_dir, "/", repository->fqrn, ".", endings[i], NULL),
                error))
            return false;
    return true;
}

static bool remove_web_configuration(const struct repository *repository,
                                     const struct settings *server,
                                     const struct remove_repository_options *options,
                                     apr_pool_t *pool, struct error *error)
{
    bool removed;

    if (!web_configuration_remove(&removed, server, repository->local_name, pool, error))
        return false;
    if (removed)
        say(options, "Removing Web Server Configuration... done, reload httpd");
    return true;
}

static bool remove_all(const struct repository *repository, const char *confdir,
                       const struct settings *server,
                       const struct remove_repository_options *options, apr_pool_t *pool,
                       struct error *error)
{
    if (!options->keeps_data && *repository->storage != '\0') {
        if (!remove_storage(repository, pool, error))
            return false;
        say(options, "Removing Repository Storage... done");
    }
    if (!options->keeps_data && repository->kind == REPOSITORY_STRATUM0) {
        if (!remove_keys(repository, options->keys_dir, pool, error))
            return false;
        say(options, "Removing Keys and Certificate... done");
    }
    if (!remove_web_configuration(repository, server, options, pool, error) ||
        !file_remove_tree(
            apr_pstrcat(pool, confdir, "/repositories.d/", repository->local_name, NULL),
            error))
        return false;
    say(options, "Removing Configuration... done");
    if (!file_remove_tree(repository->spool, error))
        return false;
    say(options, "Removing Spool Area... done");
    return true;
}

/* Taken even where the reference does not: it would pull a tree away under a running
 * snapshot. */
static bool take_locks(const struct repository *repository, apr_pool_t *pool,
                       struct error *error)
{
    struct lock *lock;

    if (!is_directory(repository->spool))
        return true;
    return (lock_try(&lock, repository_update_lock(repository, pool), pool, error) &&
            lock_try(&lock, repository_collect_lock(repository, pool), pool, error)) ||
           error_prefix(error, "%s is in use", repository->local_name);
}

bool remove_repository(const struct repository *repository, const char *confdir,
                       const struct settings *server,
                       const struct remove_repository_options *options, apr_pool_t *pool,
                       struct error *error)
{
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, pool);
    ok = repository_paths_check(repository, confdir, options->keys_dir, server,
                                "is not removed", own, error) &&
         take_locks(repository, own, error) &&
         remove_all(repository, confdir, server, options, own, error);
    apr_pool_destroy(own);
    if (!ok)
        return false;
    if (!server_info_update(confdir, server, pool, error))
        return error_prefix(error, "updating the global JSON information");
    say(options, "Updating global JSON information... done");
    return true;
}
