/* SPDX-License-Identifier: Apache-2.0 */
/* Loading master public keys. */
#include "libreplica/store/master_keys.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/format/signature.h"
#include "libreplica/store/file.h"

#define KEY_SIZE_MAX (64 * 1024)

static bool load_file(apr_array_header_t *keys, const char *path, apr_pool_t *pool,
                      struct error *error)
{
    struct key *key;
    struct text pem;

    if (!file_read(&pem, path, KEY_SIZE_MAX, pool, error) ||
        !key_parse_public(&key, pem, pool, error))
        return error_prefix(error, "public key %s", path);
    APR_ARRAY_PUSH(keys, struct key *) = key;
    return true;
}

bool master_keys_paths(apr_array_header_t **paths, const char *setting, apr_pool_t *pool,
                       struct error *error)
{
    char *rest = apr_pstrdup(pool, setting), *path;

    *paths = apr_array_make(pool, 4, sizeof(const char *));
    while ((path = strsep(&rest, ":")) != NULL) {
        struct stat status;

        if (*path == '\0')
            continue;
        if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
            APR_ARRAY_PUSH(*paths, const char *) = path;
        else if (!file_list(*paths, path, ".pub", pool, error))
            return false;
    }
    return true;
}

bool master_keys_load(apr_array_header_t **keys, const char *setting, apr_pool_t *pool,
                      struct error *error)
{
    apr_array_header_t *loaded = apr_array_make(pool, 4, sizeof(void *)), *paths;

    if (!master_keys_paths(&paths, setting, pool, error))
        return false;
    for (int i = 0; i < paths->nelts; i++)
        if (!load_file(loaded, APR_ARRAY_IDX(paths, i, const char *), pool, error))
            return false;
    if (loaded->nelts == 0)
        return error_set(error, ERROR_SETTING,
                         "CVMFS_PUBLIC_KEY ('%s') names no public key; set it to the "
                         "repository's .pub file or a directory of them",
                         setting);
    *keys = loaded;
    return true;
}
