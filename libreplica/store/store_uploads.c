/* SPDX-License-Identifier: Apache-2.0 */
/* Files that somebody else fills. */
#include "libreplica/store/store_uploads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/store_internal.h"

#define NAME_SIZE        96
#define READ_BUFFER_SIZE (128 * 1024)

bool store_upload_create(int *fd, const char **name, struct store *store,
                         apr_pool_t *pool, struct error *error)
{
    char temporary[NAME_SIZE];
    int folder;

    if (!store_temporary_folder(&folder, store, error))
        return false;
    store_temporary_name(temporary, sizeof(temporary), store);
    *name = apr_pstrcat(pool, STORE_UPLOAD_PREFIX, temporary, NULL);
    *fd = openat(folder, *name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return *fd >= 0 ||
           error_set_errno(error, errno, "cannot create a file in %s", store->temporary);
}

static apr_status_t remove_scratch(void *path)
{
    unlink(path);
    return APR_SUCCESS;
}

const char *store_upload_scratch(struct store *store, apr_pool_t *pool)
{
    char temporary[NAME_SIZE];
    char *path;

    store_temporary_name(temporary, sizeof(temporary), store);
    path = apr_pstrcat(pool, store->temporary, "/" STORE_UPLOAD_PREFIX, temporary, NULL);
    apr_pool_cleanup_register(pool, path, remove_scratch, apr_pool_cleanup_null);
    return path;
}

static bool hashes_to(bool *same, int fd, const struct object *object,
                      struct error *error)
{
    unsigned char buffer[READ_BUFFER_SIZE];
    struct hasher *hasher;
    struct hash hash;
    apr_pool_t *pool;
    ssize_t count;

    apr_pool_create(&pool, NULL);
    hasher = hasher_create(pool);
    hasher_start(hasher, object->hash.algorithm);
    while ((count = read(fd, buffer, sizeof(buffer))) > 0 ||
           (count < 0 && errno == EINTR))
        hasher_update(hasher, buffer, count > 0 ? (size_t)count : 0);
    hasher_finish(hasher, &hash);
    apr_pool_destroy(pool);
    *same = hash_equals(&hash, &object->hash);
    return count == 0 || error_set_errno(error, errno, "cannot read an upload");
}

/* Which of two files of different sizes is the object? *keeps: the one that is there. */
static bool compare(bool *keeps, struct store *store, int folder, const char *name,
                    const struct object *object, struct error *error)
{
    char object_text[OBJECT_NAME_SIZE];
    bool same, ok;
    int fd;

    if (!store_verify(store, object, keeps, error))
        return false;
    if (*keeps)
        return true;
    fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot read an upload");
    ok = hashes_to(&same, fd, object, error);
    close(fd);
    return ok &&
           (same || error_set(error, ERROR_BAD_HASH, "an upload does not hash to %s",
                              object_name(object_text, object)));
}

static bool check_size(int folder, const char *name, int64_t size, struct error *error)
{
    struct stat status;

    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return error_set_errno(error, errno, "cannot look at an upload");
    return (S_ISREG(status.st_mode) && status.st_size == size) ||
           error_set(error, ERROR_BAD_HASH,
                     "an upload has %lld bytes, not the %lld that were announced",
                     (long long)status.st_size, (long long)size);
}

bool store_upload_commit(struct store *store, const char *name,
                         const struct object *object, int64_t size, struct error *error)
{
    char object_text[OBJECT_NAME_SIZE];
    struct store_status status;
    const char *file_name;
    int temporary, folder;
    bool keeps;

    if (!store_temporary_folder(&temporary, store, error) ||
        !check_size(temporary, name, size, error) ||
        !store_stat(store, object, &status, &keeps, error))
        return false;
    if (keeps && status.size != size &&
        !compare(&keeps, store, temporary, name, object, error))
        return false;
    if (keeps) {
        unlinkat(temporary, name, 0);
        return true;
    }
    if (!store_place(&folder, &file_name, object_text, store, object, error))
        return false;
    if (renameat(temporary, name, folder, file_name) != 0)
        return error_set_errno(error, errno, "cannot name object %s in %s", object_text,
                               store->root);
    return true;
}

void store_upload_remove(struct store *store, const char *name)
{
    struct error unused;
    int folder;

    if (store_temporary_folder(&folder, store, &unused))
        unlinkat(folder, name, 0);
}

bool store_clean_uploads(struct store *store, struct error *error)
{
    const struct dirent *entry;
    DIR *stream;
    int folder, copy;

    if (!store_temporary_folder(&folder, store, error))
        return false;
    copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    stream = copy < 0 ? NULL : fdopendir(copy);
    if (stream == NULL)
        return error_set_errno(error, errno, "cannot list %s", store->temporary);
    while ((entry = readdir(stream)) != NULL)
        if (strncmp(entry->d_name, STORE_UPLOAD_PREFIX, strlen(STORE_UPLOAD_PREFIX)) == 0)
            unlinkat(folder, entry->d_name, 0);
    closedir(stream);
    return true;
}
