/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying activity messages. */
#include "libreplica/operate/activity_check.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/operate/origin_options.h"
#include "libreplica/replicate/ensemble.h"
#include "libreplica/store/master_keys.h"
#include "libreplica/store/repository.h"

#define FETCH_SECONDS 5

/* Usually the local name is the repository's own. */
bool activity_repository(struct repository **repository, const char *fqrn,
                         const char *confdir, const struct settings *server,
                         apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *names;

    if (repository_read(repository, confdir, fqrn, server, pool, NULL) &&
        strcmp((*repository)->fqrn, fqrn) == 0)
        return true;
    if (!repository_names(&names, confdir, pool, error))
        return false;
    for (int i = 0; i < names->nelts; i++)
        if (repository_read(repository, confdir, APR_ARRAY_IDX(names, i, const char *),
                            server, pool, NULL) &&
            strcmp((*repository)->fqrn, fqrn) == 0)
            return true;
    return error_set(error, ERROR_NOT_FOUND, "repository %s is not configured here",
                     fqrn);
}

/* A repository that is published here has its key beside its secret ones. */
static const char *keys_of(const struct repository *repository, const char *confdir,
                           apr_pool_t *pool)
{
    const char *keys = settings_text(repository->settings, SETTING_PUBLIC_KEY);

    if (*keys != '\0')
        return keys;
    return apr_pstrcat(pool, server_keys_directory(repository->settings, confdir, pool),
                       "/", repository->fqrn, ".pub", NULL);
}

static bool check_by_tree(struct ensemble *ensemble, struct ensemble_source *source,
                          const struct repository *repository, apr_time_t now,
                          apr_pool_t *pool, struct error *error)
{
    if (settings_boolean(repository->settings, SETTING_PASSTHROUGH)) {
        error_set(error, ERROR_NOT_FOUND, "%s has no tree here", source->fqrn);
        return false;
    }
    if (!store_open(&source->store, repository->storage, repository->temporary, pool,
                    error))
        return false;
    source->origin_url = repository->storage;
    return ensemble_read(ensemble, source, now, pool, error);
}

/* A second try of it gets the manifest from the server, too: then that is the one which
 * was verified. */
static bool check_by_url(struct ensemble *ensemble, struct ensemble_source *source,
                         const char *url, const struct fetcher_options *options,
                         apr_time_t now, apr_pool_t *pool, struct error *error)
{
    source->origin_url = url;
    source->total_seconds = FETCH_SECONDS;
    return fetcher_create(&source->fetcher, options, pool, error) &&
           ensemble_fetch(ensemble, source, now, pool, error) &&
           (text_is_same(ensemble->manifest_text, source->manifest_text) ||
            error_set(error, ERROR_BAD_SIGNATURE,
                      "the manifest does not verify; that of %s does", url));
}

static bool check_by_origin(struct ensemble *ensemble, struct ensemble_source *source,
                            const struct repository *repository,
                            const struct activity_check *check, apr_time_t now,
                            apr_pool_t *pool, struct error *error)
{
    struct fetcher_options options = origin_options(repository->settings, check->stop);

    options.retries = 0;
    return check_by_url(ensemble, source, repository_origin_url(repository, pool),
                        &options, now, pool, error);
}

static bool check_by_repository(struct ensemble *ensemble, struct ensemble_source *source,
                                const struct activity_check *check,
                                const struct settings *server, apr_time_t now,
                                apr_pool_t *pool, struct error *error)
{
    struct repository *repository;
    apr_array_header_t *keys;

    if (!activity_repository(&repository, source->fqrn, check->confdir, server, pool,
                             error) ||
        !master_keys_load(&keys, keys_of(repository, check->confdir, pool), pool, error))
        return false;
    source->master_keys = keys;
    return check_by_tree(ensemble, source, repository, now, pool, error) ||
           (check->may_fetch && repository->kind == REPOSITORY_STRATUM1 &&
            *repository_origin_url(repository, pool) != '\0' &&
            check_by_origin(ensemble, source, repository, check, now, pool, error));
}

/* As a client: the servers in turn. */
static bool check_as_client(struct ensemble *ensemble, struct ensemble_source *source,
                            const struct activity_check *check,
                            const struct settings *server, apr_time_t now,
                            apr_pool_t *pool, struct error *error)
{
    struct fetcher_options options = origin_options(server, check->stop);
    const apr_array_header_t *urls = check->client->urls;
    apr_array_header_t *keys;
    bool ok = false;

    if (!master_keys_load(&keys, check->client->public_key, pool, error))
        return false;
    source->master_keys = keys;
    options.retries = 0;
    options.proxy = check->client->proxy;
    for (int i = 0; !ok && i < urls->nelts; i++)
        ok = check_by_url(ensemble, source, APR_ARRAY_IDX(urls, i, const char *),
                          &options, now, pool, error);
    return ok;
}

bool activity_check(struct checked_activity *checked, const struct activity *activity,
                    const struct activity_check *check, apr_time_t now, apr_pool_t *pool,
                    struct error *error)
{
    struct ensemble_source source = {.fqrn = activity->fqrn,
                                     .manifest_text = activity->manifest};
    struct ensemble ensemble = {0};
    struct settings *server;

    if (!server_settings_read(&server, check->confdir, false, pool, error) ||
        !(check->client != NULL
              ? check_as_client(&ensemble, &source, check, server, now, pool, error)
              : check_by_repository(&ensemble, &source, check, server, now, pool, error)))
        return false;
    checked->manifest = ensemble.manifest;
    checked->expires = ensemble.whitelist->expires;
    return true;
}
