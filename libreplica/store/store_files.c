/* SPDX-License-Identifier: Apache-2.0 */
/* The small files in a repository's root, temporary files, and whole trees. */
#include "libreplica/store/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/manifest.h"
#include "libreplica/format/reflog.h"
#include "libreplica/format/whitelist.h"
#include "libreplica/store/file.h"

/* The folders of a tree, parents first; NULL after the last. */
static const char *skeleton_folder(const char *root, int index, apr_pool_t *pool)
{
    if (index == 0)
        return root;
    if (index == 1)
        return apr_pstrcat(pool, root, "/data", NULL);
    if (index < 2 + STORE_FOLDERS)
        return apr_psprintf(pool, "%s/data/%02x", root, (unsigned int)index - 2);
    return index == 2 + STORE_FOLDERS ? apr_pstrcat(pool, root, "/data/txn", NULL) : NULL;
}

bool store_create(const char *root, apr_pool_t *pool, struct error *error)
{
    const char *path;

    for (int i = 0; (path = skeleton_folder(root, i, pool)) != NULL; i++)
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot create the storage %s", path);
    return true;
}

/* The root goes last: until then its new owner cannot put links in our way. */
bool store_give(const char *root, unsigned int uid, apr_pool_t *pool, struct error *error)
{
    for (int i = 2 + STORE_FOLDERS; i >= 0; i--) {
        const char *path = skeleton_folder(root, i, pool);

        if (lchown(path, (uid_t)uid, (gid_t)-1) != 0)
            return error_set_errno(error, errno, "cannot change the owner of %s", path);
    }
    return true;
}

static bool check_owner(const char *path, unsigned int uid, bool is_required,
                        struct error *error)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return (errno == ENOENT && !is_required) ||
               error_set_errno(error, errno, "cannot look at %s", path);
    return status.st_uid == uid ||
           error_set(error, ERROR_PERMISSION, "%s belongs to user %lu, not to user %u",
                     path, (unsigned long)status.st_uid, uid);
}

bool store_check_owner(const char *root, unsigned int uid, apr_pool_t *pool,
                       struct error *error)
{
    static const char *const names[] = {MANIFEST_NAME, WHITELIST_NAME, REFLOG_NAME};
    const char *path;

    for (int i = 0; (path = skeleton_folder(root, i, pool)) != NULL; i++)
        if (!check_owner(path, uid, i == 0, error))
            return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!check_owner(apr_pstrcat(pool, root, "/", names[i], NULL), uid, false, error))
            return false;
    return true;
}

bool store_destroy(const char *root, apr_pool_t *pool, struct error *error)
{
    return file_remove_tree(root, error);
}

static apr_status_t remove_scratch(void *baton)
{
    static const char *const endings[] = {"", "-journal", "-wal", "-shm"};
    char path[PATH_MAX];

    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        snprintf(path, sizeof(path), "%s%s", (const char *)baton, endings[i]);
        unlink(path);
    }
    return APR_SUCCESS;
}

bool store_scratch_path(const char **path, struct store *store, apr_pool_t *pool,
                        struct error *error)
{
    char name[64];
    int folder;

    if (!store_temporary_folder(&folder, store, error))
        return false;
    store_temporary_name(name, sizeof(name), store);
    *path = apr_pstrcat(pool, store->temporary, "/", name, NULL);
    apr_pool_cleanup_register(pool, *path, remove_scratch, apr_pool_cleanup_null);
    return true;
}

static bool replace(struct store *store, int folder, const char *temporary,
                    const char *name, struct text content, struct error *error)
{
    int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    bool ok;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot create a file in %s",
                               store->temporary);
    ok = file_write_all(fd, content.bytes, content.length, name, error);
    if (ok && store->syncs && fsync(fd) != 0)
        ok = error_set_errno(error, errno, "cannot sync %s in %s", name, store->root);
    if (close(fd) != 0 && ok)
        ok = error_set_errno(error, errno, "cannot write %s in %s", name, store->root);
    if (ok && renameat(folder, temporary, store->root_fd, name) != 0)
        ok = error_set_errno(error, errno, "cannot replace %s in %s", name, store->root);
    if (!ok)
        unlinkat(folder, temporary, 0);
    if (ok && store->syncs && fsync(store->root_fd) != 0)
        ok = error_set_errno(error, errno, "cannot sync %s", store->root);
    return ok;
}

bool store_replace(struct store *store, const char *name, struct text content,
                   struct error *error)
{
    char temporary[64];
    int folder;

    if (!store_temporary_folder(&folder, store, error))
        return false;
    store_temporary_name(temporary, sizeof(temporary), store);
    return replace(store, folder, temporary, name, content, error);
}

bool store_read_all(struct text *content, int fd, int64_t limit, const char *what,
                    apr_pool_t *pool, struct error *error)
{
    struct stat status;
    size_t used = 0;
    ssize_t count = 1;
    char *bytes;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > limit) {
        close(fd);
        return error_set(error, ERROR_TOO_LARGE,
                         "%s is not a regular file of at most %lld bytes", what,
                         (long long)limit);
    }
    bytes = apr_palloc(pool, (size_t)status.st_size + 1);
    while (used < (size_t)status.st_size && count != 0) {
        count = read(fd, bytes + used, (size_t)status.st_size - used);
        if (count < 0 && errno != EINTR)
            break;
        used += count > 0 ? (size_t)count : 0;
    }
    if (count < 0)
        error_set_errno(error, errno, "cannot read %s", what);
    close(fd);
    bytes[used] = '\0';
    *content = (struct text){bytes, used};
    return count >= 0;
}

bool store_read(struct text *content, struct store *store, const char *name,
                int64_t limit, apr_pool_t *pool, struct error *error)
{
    int fd = openat(store->root_fd, name, STORE_READ_FLAGS);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s in %s", name, store->root);
    return store_read_all(content, fd, limit,
                          apr_pstrcat(pool, name, " in ", store->root, NULL), pool,
                          error);
}

bool store_open_file(int *fd, struct store *store, const char *name, struct error *error)
{
    *fd = openat(store->root_fd, name, STORE_READ_FLAGS);
    return *fd >= 0 ||
           error_set_errno(error, errno, "cannot open %s in %s", name, store->root);
}

bool store_remove_file(struct store *store, const char *name, struct error *error)
{
    if (unlinkat(store->root_fd, name, 0) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove %s from %s", name,
                               store->root);
    return true;
}

bool store_stat_file(struct store *store, const char *name, struct store_status *status,
                     bool *found, struct error *error)
{
    struct stat file;

    *found = false;
    if (fstatat(store->root_fd, name, &file, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || error_set_errno(error, errno, "cannot look at %s in %s",
                                                  name, store->root);
    status->size = file.st_size;
    status->changed =
        apr_time_from_sec(file.st_ctim.tv_sec) + file.st_ctim.tv_nsec / 1000;
    *found = true;
    return true;
}

/* A link that is right is left; another one is replaced by rename, never missing in
 * between. */
bool store_link_alternative(struct store *store, const struct object *object,
                            struct error *error)
{
    char target[OBJECT_PATH_SIZE], current[OBJECT_PATH_SIZE], name[OBJECT_NAME_SIZE];
    char link[OBJECT_NAME_SIZE + 16], temporary[64];
    ssize_t length;
    int folder;

    object_path(target, object);
    apr_snprintf(link, sizeof(link), ".cvmfsalt-%s", object_name(name, object));
    length = readlinkat(store->root_fd, link, current, sizeof(current));
    if (length == (ssize_t)strlen(target) && memcmp(current, target, (size_t)length) == 0)
        return true;
    if (!store_temporary_folder(&folder, store, error))
        return false;
    store_temporary_name(temporary, sizeof(temporary), store);
    if (symlinkat(target, folder, temporary) != 0 ||
        renameat(folder, temporary, store->root_fd, link) != 0) {
        error_set_errno(error, errno, "cannot link %s in %s", link, store->root);
        unlinkat(folder, temporary, 0);
        return false;
    }
    return true;
}

/* Whether a file in the temporary folder is a left-over. In the tree's own folder the
 * holder of the update lock is the only one who makes any but uploads; in another one,
 * say /tmp, only what is called as we call them. */
static bool is_left_over(const struct store *store, const char *name)
{
    size_t length = strlen(store->root);

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        strncmp(name, STORE_UPLOAD_PREFIX, strlen(STORE_UPLOAD_PREFIX)) == 0)
        return false;
    if (strncmp(store->temporary, store->root, length) == 0 &&
        store->temporary[length] == '/')
        return true;
    return strncmp(name, STORE_TEMPORARY_PREFIX, strlen(STORE_TEMPORARY_PREFIX)) == 0;
}

bool store_clean_temporary(struct store *store, struct error *error)
{
    const struct dirent *entry;
    DIR *stream = opendir(store->temporary);

    if (stream == NULL)
        return error_set_errno(error, errno, "cannot list the temporary folder %s",
                               store->temporary);
    /* Never a folder: none of ours is one. */
    while ((entry = readdir(stream)) != NULL)
        if (is_left_over(store, entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);
    closedir(stream);
    return true;
}
