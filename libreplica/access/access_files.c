/* SPDX-License-Identifier: Apache-2.0 */
/* The access file and the files of its keys. */
#include "libreplica/access/access.h"

#include <errno.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define KEY_FILE_SIZE_MAX 4096

static bool read_key(struct access_key *key, const char *directory, apr_pool_t *pool,
                     struct error *error)
{
    const char *path = apr_pstrcat(pool, directory, "/", key->file, NULL);
    struct stat status;
    struct text text;

    if (stat(path, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", path);
    if ((status.st_mode & 077) != 0)
        return error_set(error, ERROR_PERMISSION,
                         "%s may be read by others than its owner: chmod 600 it", path);
    return (file_read(&text, path, KEY_FILE_SIZE_MAX, pool, error) &&
            access_parse_key(&key->id, &key->secret, text, pool, error)) ||
           error_prefix(error, "%s", path);
}

bool access_read(struct access_table **table, const char *confdir, const char *keys,
                 apr_pool_t *pool, struct error *error)
{
    const char *path = apr_pstrcat(pool, confdir, "/" ACCESS_FILE_NAME, NULL);
    struct text text;

    if (!file_read(&text, path, ACCESS_FILE_SIZE_MAX, pool, error) ||
        !access_parse(table, text, path, pool, error))
        return false;
    for (int i = 0; keys != NULL && i < (*table)->keys->nelts; i++)
        if (!read_key(&APR_ARRAY_IDX((*table)->keys, i, struct access_key), keys, pool,
                      error))
            return false;
    return true;
}
