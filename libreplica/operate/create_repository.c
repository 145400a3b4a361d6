/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, keys and folders of a new repository. */
#include "libreplica/operate/create_repository.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/operate/key_files.h"
#include "libreplica/store/file.h"

/* Public key and certificate can be made anew. */
static bool is_required(enum key_file file)
{
    return file == KEY_FILE_MASTER || file == KEY_FILE_SIGNING;
}

static bool import_keys(const struct publish_target *target, const char *from,
                        apr_pool_t *pool, struct error *error)
{
    const char *fqrn = target->fqrn;

    if (strcmp(from, target->keys) == 0)
        return true;
    for (enum key_file file = 0; file < KEY_FILE_COUNT; file++)
        if (key_file_exists(target->keys, fqrn, file, pool))
            return error_set(error, ERROR_EXISTS,
                             "Importing keys from '%s' would overwrite keys in '%s'",
                             from, target->keys);
    if (!file_make_directory(target->keys, 0755, pool, error))
        return false;
    for (enum key_file file = 0; file < KEY_FILE_COUNT; file++)
        if ((is_required(file) || key_file_exists(from, fqrn, file, pool)) &&
            !key_file_copy(target->keys, from, fqrn, file, pool, error))
            return false;
    return true;
}

static bool prepare_keys(struct create_repository *create, const struct owner *owner,
                         const char *imported_keys, apr_pool_t *pool, struct error *error)
{
    const struct publish_target *target = &create->target;

    if (imported_keys != NULL && !import_keys(target, imported_keys, pool, error))
        return false;
    create->had_keys =
        key_file_exists(target->keys, target->fqrn, KEY_FILE_MASTER, pool) ||
        key_file_exists(target->keys, target->fqrn, KEY_FILE_SIGNING, pool);
    return publish_create_keys(target, apr_time_now(), pool, error) &&
           key_files_give(target->keys, target->fqrn, owner, pool, error);
}

bool create_repository_prepare(struct create_repository *create,
                               const struct stratum0_configuration *configuration,
                               const struct owner *owner, const char *imported_keys,
                               const char *confdir, const struct settings *server,
                               apr_pool_t *pool, struct error *error)
{
    *create = (struct create_repository){
        .folders = {.storage = configuration->storage,
                    .spool = configuration->spool,
                    .owner = owner},
        .configuration =
            apr_pstrcat(pool, confdir, "/repositories.d/", configuration->fqrn, NULL),
    };
    if (!stratum0_configuration_write(configuration, confdir, pool, error))
        return false;
    if (repository_read(&create->repository, confdir, configuration->fqrn, server, pool,
                        error) &&
        publish_target_of(&create->target, create->repository, configuration->keys, pool,
                          error) &&
        prepare_keys(create, owner, imported_keys, pool, error) &&
        new_folders_make(&create->folders, pool, error))
        return true;
    stratum0_configuration_undo(create->configuration);
    return false;
}

void create_repository_undo(const struct create_repository *create)
{
    stratum0_configuration_undo(create->configuration);
    new_folders_undo(&create->folders);
}
