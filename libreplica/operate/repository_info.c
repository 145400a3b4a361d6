/* SPDX-License-Identifier: Apache-2.0 */
/* What there is to say about one repository. */
#include "libreplica/operate/repository_info.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/whitelist.h"
#include "libreplica/net/fetch.h"
#include "libreplica/operate/origin_options.h"
#include "libreplica/operate/status.h"
#include "libreplica/store/store.h"

#define ASK_SECONDS 5

static bool has_file(struct store *store, const char *name)
{
    struct store_status status;
    bool found;

    return store_stat_file(store, name, &status, &found, NULL) && found;
}

static bool read_manifest(struct repository_info *info, struct store *store,
                          apr_pool_t *pool, struct error *error)
{
    struct manifest *manifest;
    struct error reason;
    struct text text;

    if (!store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, &reason))
        return reason.code == ERROR_NOT_FOUND ||
               error_set(error, reason.code, "%s", reason.message);
    if (!manifest_parse(&manifest, text, pool, error))
        return error_prefix(error, "%s/" MANIFEST_NAME, store_root(store));
    info->manifest = manifest;
    return true;
}

static void read_whitelist(struct repository_info *info, struct store *store,
                           apr_pool_t *pool)
{
    struct whitelist *whitelist;
    struct text text;

    if (store_read(&text, store, WHITELIST_NAME, WHITELIST_SIZE_MAX, pool, NULL) &&
        whitelist_parse(&whitelist, text, pool, NULL))
        info->whitelist_expires = whitelist->expires;
}

bool repository_info_read(struct repository_info *info,
                          const struct repository *repository, apr_pool_t *pool,
                          struct error *error)
{
    struct store *store;

    *info = (struct repository_info){0};
    if (!store_open(&store, repository->storage, repository->temporary, pool, error))
        return false;
    read_whitelist(info, store, pool);
    info->is_replicable = has_file(store, MASTER_REPLICA_NAME);
    info->is_snapshotting = has_file(store, ".cvmfs_is_snapshotting");
    info->last_snapshot = status_read(store, "last_snapshot", pool);
    info->last_gc = status_read(store, "last_gc", pool);
    info->last_error = status_read(store, "last_error", pool);
    return store_space(store, &info->free_bytes, &info->free_inodes, error) &&
           read_manifest(info, store, pool, error);
}

bool repository_info_ask_origin(int64_t *revision, const struct repository *repository,
                                const volatile int *stop, apr_pool_t *pool,
                                struct error *error)
{
    struct fetcher_options options = origin_options(repository->settings, stop);
    const char *url = repository_origin_url(repository, pool);
    struct fetcher *fetcher;
    struct manifest *manifest;
    struct text text;

    /* Whoever asks for a summary waits for it. */
    options.timeout_seconds = ASK_SECONDS;
    options.retries = 0;
    if (!fetcher_create(&fetcher, &options, pool, error) ||
        !fetch_text(&text, fetcher, url, MANIFEST_NAME, MANIFEST_SIZE_MAX, false, pool,
                    error) ||
        !manifest_parse(&manifest, text, pool, error))
        return false;
    *revision = manifest->revision;
    return true;
}
