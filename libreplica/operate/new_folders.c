/* SPDX-License-Identifier: Apache-2.0 */
/* Making storage and spool of a new repository. */
#include "libreplica/operate/new_folders.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"
#include "libreplica/store/store.h"

static bool make_parent(const char *path, apr_pool_t *pool, struct error *error)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL || slash == path ||
           file_make_directory(apr_pstrmemdup(pool, path, (size_t)(slash - path)), 0755,
                               pool, error);
}

/* Make one directory; *made tells whether it was not there. */
static bool make_directory(bool *made, const char *path, apr_pool_t *pool,
                           struct error *error)
{
    *made = false;
    if (!make_parent(path, pool, error))
        return false;
    if (mkdir(path, 0777) == 0) {
        *made = true;
        return true;
    }
    return errno == EEXIST || error_set_errno(error, errno, "cannot create %s", path);
}

static bool belongs_to(const char *path, const struct owner *owner, struct error *error)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", path);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ERROR_EXISTS, "%s is there and is no directory", path);
    return status.st_uid == owner->uid ||
           error_set(error, ERROR_EXISTS,
                     "%s is there and does not belong to %s; give it to that user "
                     "(chown -R), name its owner, or move it away",
                     path, owner->name);
}

/* A new file system's root is as good as a directory of our own making. */
static bool is_empty(const char *path)
{
    const struct dirent *entry;
    bool empty = true;
    DIR *directory = opendir(path);

    if (directory == NULL)
        return false;
    while (empty && (entry = readdir(directory)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, "lost+found") == 0;
    closedir(directory);
    return empty;
}

static bool make_storage(struct new_folders *folders, apr_pool_t *pool,
                         struct error *error)
{
    if (!make_directory(&folders->made_storage, folders->storage, pool, error))
        return false;
    if (!folders->made_storage && !is_empty(folders->storage))
        return belongs_to(folders->storage, folders->owner, error);
    return store_create(folders->storage, pool, error) &&
           (geteuid() == folders->owner->uid ||
            store_give(folders->storage, folders->owner->uid, pool, error));
}

static bool make_temporary(const struct new_folders *folders, const char *path,
                           struct error *error)
{
    int status = folders->link_target != NULL ? symlink(folders->link_target, path)
                                              : mkdir(path, 0777);

    return status == 0 || errno == EEXIST ||
           error_set_errno(error, errno, "cannot create %s", path);
}

static bool give_spool(const struct new_folders *folders, const char *temporary,
                       struct error *error)
{
    if (geteuid() == folders->owner->uid)
        return true;
    if (lchown(temporary, folders->owner->uid, (gid_t)-1) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot change the owner of %s", temporary);
    return lchown(folders->spool, folders->owner->uid, (gid_t)-1) == 0 ||
           error_set_errno(error, errno, "cannot change the owner of %s", folders->spool);
}

static bool make_spool(struct new_folders *folders, apr_pool_t *pool, struct error *error)
{
    const char *temporary = apr_pstrcat(pool, folders->spool, "/tmp", NULL);

    if (!make_directory(&folders->made_spool, folders->spool, pool, error))
        return false;
    /* In a folder that its owner could change meanwhile, root changes no owners. */
    if (!folders->made_spool && !belongs_to(folders->spool, folders->owner, error))
        return false;
    if (folders->storage != NULL && !make_temporary(folders, temporary, error))
        return false;
    return !folders->made_spool || give_spool(folders, temporary, error);
}

bool new_folders_make(struct new_folders *folders, apr_pool_t *pool, struct error *error)
{
    folders->made_storage = folders->made_spool = false;
    if ((folders->storage == NULL || make_storage(folders, pool, error)) &&
        make_spool(folders, pool, error))
        return true;
    new_folders_undo(folders);
    return false;
}

void new_folders_undo(const struct new_folders *folders)
{
    if (folders->made_spool)
        file_remove_tree(folders->spool, NULL);
    if (folders->made_storage)
        file_remove_tree(folders->storage, NULL);
}
