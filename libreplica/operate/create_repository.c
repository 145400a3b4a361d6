/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration, keys and folders of a new repository. */
#include "libreplica/operate/create_repository.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define KEY_SIZE_MAX (64 * 1024)

/* The names of keyring files, and their modes. */
static const struct key_file {
    const char *ending;
    unsigned int mode;
    bool is_required;
} key_files[] = {
    {"masterkey", 0400, true},
    {"key", 0400, true},
    {"pub", 0444, false},
    {"crt", 0444, false},
};
#define KEY_FILE_COUNT (sizeof(key_files) / sizeof(*key_files))

static const char *key_path(const char *directory, const char *fqrn, size_t index,
                            apr_pool_t *pool)
{
    return apr_pstrcat(pool, directory, "/", fqrn, ".", key_files[index].ending, NULL);
}

static bool import_key(const struct publish_target *target, const char *from,
                       size_t index, apr_pool_t *pool, struct error *error)
{
    const char *source = key_path(from, target->fqrn, index, pool);
    struct text content;

    if (access(source, F_OK) != 0 && errno == ENOENT && !key_files[index].is_required)
        return true;
    return file_read(&content, source, KEY_SIZE_MAX, pool, error) &&
           file_replace(key_path(target->keys, target->fqrn, index, pool), content,
                        key_files[index].mode, pool, error);
}

static bool import_keys(const struct publish_target *target, const char *from,
                        apr_pool_t *pool, struct error *error)
{
    if (strcmp(from, target->keys) == 0)
        return true;
    for (size_t i = 0; i < KEY_FILE_COUNT; i++)
        if (access(key_path(target->keys, target->fqrn, i, pool), F_OK) == 0)
            return error_set(error, ERROR_EXISTS,
                             "Importing keys from '%s' would overwrite keys in '%s'",
                             from, target->keys);
    if (!file_make_directory(target->keys, 0755, pool, error))
        return false;
    for (size_t i = 0; i < KEY_FILE_COUNT; i++)
        if (!import_key(target, from, i, pool, error))
            return false;
    return true;
}

/* Secret keys are readable for the owner alone, who publishes with them. */
static bool give_keys(const struct publish_target *target, const struct owner *owner,
                      apr_pool_t *pool, struct error *error)
{
    if (geteuid() == owner->uid)
        return true;
    for (size_t i = 0; i < KEY_FILE_COUNT; i++) {
        const char *path = key_path(target->keys, target->fqrn, i, pool);

        /* The master key need not be on this disk. */
        if (lchown(path, owner->uid, (gid_t)-1) != 0 && errno != ENOENT)
            return error_set_errno(error, errno, "cannot change the owner of %s", path);
    }
    return true;
}

static bool prepare_keys(struct create_repository *create, const struct owner *owner,
                         const char *imported_keys, apr_pool_t *pool, struct error *error)
{
    const struct publish_target *target = &create->target;

    if (imported_keys != NULL && !import_keys(target, imported_keys, pool, error))
        return false;
    create->had_keys = access(key_path(target->keys, target->fqrn, 0, pool), F_OK) == 0 ||
                       access(key_path(target->keys, target->fqrn, 1, pool), F_OK) == 0;
    return publish_create_keys(target, apr_time_now(), pool, error) &&
           give_keys(target, owner, pool, error);
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
    file_remove_tree(create->configuration, NULL);
    return false;
}

void create_repository_undo(const struct create_repository *create)
{
    file_remove_tree(create->configuration, NULL);
    new_folders_undo(&create->folders);
}
