/* SPDX-License-Identifier: Apache-2.0 */
/* Copying keys and handing them over. */
#include "libreplica/operate/key_files.h"

#include <errno.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/publish/keyring.h"
#include "libreplica/store/file.h"

static const struct {
    const char *ending;
    unsigned int mode;
} kinds[KEY_FILE_COUNT] = {
    [KEY_FILE_MASTER] = {".masterkey", KEYRING_SECRET_MODE},
    [KEY_FILE_SIGNING] = {".key", KEYRING_SECRET_MODE},
    [KEY_FILE_PUBLIC] = {".pub", KEYRING_PUBLIC_MODE},
    [KEY_FILE_CERTIFICATE] = {".crt", KEYRING_PUBLIC_MODE},
};

const char *key_file_path(const char *directory, const char *fqrn, enum key_file file,
                          apr_pool_t *pool)
{
    return apr_pstrcat(pool, directory, "/", fqrn, kinds[file].ending, NULL);
}

bool key_file_exists(const char *directory, const char *fqrn, enum key_file file,
                     apr_pool_t *pool)
{
    return access(key_file_path(directory, fqrn, file, pool), F_OK) == 0;
}

static bool read_file(struct text *content, const char *directory, const char *fqrn,
                      enum key_file file, apr_pool_t *pool, struct error *error)
{
    const char *path = key_file_path(directory, fqrn, file, pool);
    bool is_secret = file == KEY_FILE_MASTER || file == KEY_FILE_SIGNING;

    return is_secret ? file_read_secret(content, path, KEYRING_FILE_MAX, pool, error)
                     : file_read(content, path, KEYRING_FILE_MAX, pool, error);
}

bool key_file_copy(const char *to, const char *from, const char *fqrn, enum key_file file,
                   apr_pool_t *pool, struct error *error)
{
    struct text content;

    return read_file(&content, from, fqrn, file, pool, error) &&
           file_replace(key_file_path(to, fqrn, file, pool), content, kinds[file].mode,
                        pool, error);
}

bool key_file_compare(bool *same, const char *one, const char *other, const char *fqrn,
                      enum key_file file, apr_pool_t *pool, struct error *error)
{
    struct text first, second;

    if (!read_file(&first, one, fqrn, file, pool, error) ||
        !read_file(&second, other, fqrn, file, pool, error))
        return false;
    *same = text_is_same(first, second);
    return true;
}

bool key_files_give(const char *directory, const char *fqrn, const struct owner *owner,
                    apr_pool_t *pool, struct error *error)
{
    if (geteuid() == owner->uid)
        return true;
    for (int i = 0; i < KEY_FILE_COUNT; i++) {
        const char *path = key_file_path(directory, fqrn, (enum key_file)i, pool);

        /* The master key need not be on this disk. */
        if (lchown(path, owner->uid, (gid_t)-1) != 0 && errno != ENOENT)
            return error_set_errno(error, errno, "cannot change the owner of %s", path);
    }
    return true;
}
