/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, keys and spool for a storage that is here already. */
#include "libreplica/operate/import_repository.h"

#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/manifest.h"
#include "libreplica/operate/gc_reflog.h"
#include "libreplica/operate/key_files.h"
#include "libreplica/operate/repository_paths.h"
#include "libreplica/operate/tree_owner.h"
#include "libreplica/publish/head.h"
#include "libreplica/publish/tagging.h"
#include "libreplica/publish/whitelists.h"
#include "libreplica/store/file.h"
#include "libreplica/store/reflog_file.h"

static void note_missing_keys(struct import *import, apr_pool_t *pool)
{
    const struct publish_target *target = &import->target;

    for (enum key_file file = 0; file < KEY_FILE_COUNT; file++)
        if (!key_file_exists(target->keys, target->fqrn, file, pool))
            APR_ARRAY_PUSH(import->made_files, const char *) =
                key_file_path(target->keys, target->fqrn, file, pool);
}

/* What is there already was found to be the same. */
static bool copy_keys(const struct import *import, apr_pool_t *pool, struct error *error)
{
    const struct import_options *options = import->options;
    const struct publish_target *target = &import->target;

    for (enum key_file file = 0; file < KEY_FILE_COUNT; file++) {
        bool is_made = options->makes_key &&
                       (file == KEY_FILE_SIGNING || file == KEY_FILE_CERTIFICATE);

        if (!is_made && !key_file_exists(target->keys, target->fqrn, file, pool) &&
            key_file_exists(options->keys, target->fqrn, file, pool) &&
            !key_file_copy(target->keys, options->keys, target->fqrn, file, pool, error))
            return false;
    }
    return true;
}

static bool prepare_keys(struct import *import, const struct owner *owner,
                         apr_pool_t *pool, struct error *error)
{
    const struct publish_target *target = &import->target;

    if (!file_make_directory(target->keys, 0755, pool, error))
        return false;
    note_missing_keys(import, pool);
    return copy_keys(import, pool, error) &&
           (!import->options->makes_key ||
            publish_create_keys(target, apr_time_now(), pool, error)) &&
           key_files_give(target->keys, target->fqrn, owner, pool, error);
}

static bool give_storage(const struct import *import, const struct owner *owner,
                         apr_pool_t *pool, struct error *error)
{
    struct tree_owner_change change = {
        .from = TREE_OWNER_ANYBODY, .to = owner->uid, .stop = import->options->stop};

    return !import->options->gives_storage || geteuid() != 0 ||
           walk_tree(import->target.storage, false, tree_owner_change, &change, pool,
                     error);
}

bool import_prepare(struct import *import,
                    const struct stratum0_configuration *configuration,
                    const struct import_options *options, const struct owner *owner,
                    const char *confdir, const struct settings *server, apr_pool_t *pool,
                    struct error *error)
{
    *import = (struct import){
        .options = options,
        .folders = {.storage = configuration->storage,
                    .spool = configuration->spool,
                    .owner = owner},
        .configuration =
            apr_pstrcat(pool, confdir, "/repositories.d/", configuration->fqrn, NULL),
        .made_files = apr_array_make(pool, KEY_FILE_COUNT, sizeof(const char *)),
    };
    if (!stratum0_configuration_write(configuration, confdir, pool, error))
        return false;
    if (repository_read(&import->repository, confdir, configuration->fqrn, server, pool,
                        error) &&
        repository_paths_check(import->repository, confdir, configuration->keys, server,
                               "is not imported", pool, error) &&
        publish_target_of(&import->target, import->repository, configuration->keys, pool,
                          error) &&
        prepare_keys(import, owner, pool, error) &&
        give_storage(import, owner, pool, error) &&
        new_folders_make(&import->folders, pool, error))
        return true;
    import_undo(import);
    return false;
}

void import_undo(const struct import *import)
{
    stratum0_configuration_undo(import->configuration);
    for (int i = 0; i < import->made_files->nelts; i++)
        unlink(APR_ARRAY_IDX(import->made_files, i, const char *));
    new_folders_undo(&import->folders);
}

static bool write_checksum(struct store *store, const struct import *import,
                           enum hash_algorithm algorithm, apr_pool_t *pool,
                           struct error *error)
{
    char text[HASH_TEXT_SIZE];
    struct text content;
    struct hash hash;

    if (!store_read(&content, store, REFLOG_NAME, REFLOG_SIZE_MAX, pool, error))
        return false;
    hash_bytes(&hash, algorithm, content.bytes, content.length);
    return file_replace(import->target.reflog_checksum, text_of(hash_format(text, &hash)),
                        0644, pool, error);
}

static bool complete_reflog(struct store *store, const struct import *import,
                            apr_pool_t *pool, struct error *error)
{
    const struct settings *settings = import->repository->settings;
    struct store_status status;
    struct manifest *manifest;
    struct text text;
    bool found;

    if (!store_read(&text, store, MANIFEST_NAME, MANIFEST_SIZE_MAX, pool, error) ||
        !manifest_parse(&manifest, text, pool, error) ||
        !store_stat_file(store, REFLOG_NAME, &status, &found, error))
        return false;
    return found ? write_checksum(store, import, manifest->catalog.algorithm, pool, error)
                 : gc_reflog_rebuild(store, manifest,
                                     settings_number(settings, SETTING_MAX_CATALOG_BYTES),
                                     import->target.reflog_checksum, pool, error);
}

static bool sign(const struct import *import, apr_time_t now, apr_pool_t *pool,
                 struct error *error)
{
    const struct publish_target *target = &import->target;
    struct whitelist_terms terms = {.days = target->whitelist_days};

    /* The whitelist lists the new certificate before anything is signed with its key. */
    return (!import->options->signs_whitelist ||
            publish_sign_whitelist(target, &terms, now, pool, error)) &&
           (!import->options->makes_key || publish_sign_head(target, now, pool, error));
}

bool import_finish(const struct import *import, apr_time_t now, apr_pool_t *pool,
                   struct error *error)
{
    struct store *store;

    return store_create(import->target.storage, pool, error) &&
           repository_open_store(&store, import->repository, pool, error) &&
           complete_reflog(store, import, pool, error) &&
           sign(import, now, pool, error) &&
           (!import->options->allows_replicas || head_allow_replicas(store, error));
}
