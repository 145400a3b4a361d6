/* SPDX-License-Identifier: Apache-2.0 */
/* Walking trees that belong to somebody who may change them meanwhile. */
#include "libreplica/operate/adopt_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#define DEPTH_MAX 100
#define DATA      "data"

struct walk {
    walk_visit *visit;
    void *baton;
    char path[PATH_MAX]; /* of what is being visited */
};

/* A link that has a second name may be one of the system's, brought here. */
bool walk_trusts(const struct stat *link)
{
    return link->st_nlink == 1 && (link->st_uid == 0 || link->st_uid == geteuid());
}

/* Open the folder that the link NAME leads to. The link is held while its owner is looked
 * at and it is read, so it cannot become another one in between. */
static bool open_link(int *fd, int parent, const char *name, const char *shown,
                      struct error *error)
{
    char target[PATH_MAX];
    struct stat status;
    ssize_t length;
    int link = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    *fd = -1;
    if (link < 0 || fstat(link, &status) != 0) {
        error_set_errno(error, errno, "cannot open %s", shown);
    } else if (!walk_trusts(&status)) {
        error_set(error, ERROR_UNSUPPORTED,
                  "%s is a link that is not root's alone, so it is not followed: make it "
                  "anew as root if it leads where it should",
                  shown);
    } else if ((length = readlinkat(link, "", target, sizeof(target) - 1)) < 0) {
        error_set_errno(error, errno, "cannot read the link %s", shown);
    } else {
        target[length] = '\0';
        *fd = openat(parent, target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*fd < 0)
            error_set_errno(error, errno, "cannot open %s", shown);
    }
    if (link >= 0)
        close(link);
    return *fd >= 0;
}

/* The target of a link is relative to where the link is. */
static bool open_top_link(int *fd, const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    int folder;
    bool ok;

    apr_cpystrn(parent, path, (apr_size_t)(slash - path) + 2);
    folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return error_set_errno(error, errno, "cannot open %s", parent);
    ok = open_link(fd, folder, slash + 1, path, error);
    close(folder);
    return ok;
}

static bool open_top(int *fd, const char *path, struct error *error)
{
    struct stat status;

    if (lstat(path, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", path);
    if (S_ISLNK(status.st_mode))
        return open_top_link(fd, path, error);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd >= 0 || error_set_errno(error, errno, "cannot open %s", path);
}

static bool visit(struct walk *walk, int parent, const char *name,
                  const struct stat *status, bool is_mount, struct error *error)
{
    struct walk_entry entry = {parent, name, walk->path, is_mount, *status};

    return walk->visit(walk->baton, &entry, error);
}

static bool walk_folder(struct walk *walk, int fd, dev_t device, int depth,
                        struct error *error);

static bool walk_inner(struct walk *walk, int parent, const char *name, dev_t device,
                       int depth, struct error *error)
{
    struct stat status;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
               error_set_errno(error, errno, "cannot open %s", walk->path);
    if (fstat(fd, &status) == 0 && status.st_dev == device)
        return walk_folder(walk, fd, device, depth, error);
    close(fd);
    return true;
}

/* The folder of objects, elsewhere. */
static bool walk_data_link(struct walk *walk, int parent, struct error *error)
{
    struct stat status;
    int fd;

    if (!open_link(&fd, parent, DATA, walk->path, error))
        return false;
    if (fstat(fd, &status) == 0 && visit(walk, fd, ".", &status, false, error))
        return walk_folder(walk, fd, status.st_dev, 1, error);
    close(fd);
    return false;
}

/* Another file system's top is visited, not entered; but the folder of objects may well
 * be a disk of its own. */
static bool walk_entry(struct walk *walk, int parent, const char *name, dev_t device,
                       int depth, struct error *error)
{
    bool is_data = depth == 1 && strcmp(name, DATA) == 0;
    struct stat status;

    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ||
               error_set_errno(error, errno, "cannot look at %s", walk->path);
    if (is_data && S_ISLNK(status.st_mode))
        return walk_data_link(walk, parent, error);
    if (is_data)
        device = status.st_dev;
    if (!visit(walk, parent, name, &status, status.st_dev != device, error))
        return false;
    return !S_ISDIR(status.st_mode) || status.st_dev != device ||
           walk_inner(walk, parent, name, device, depth, error);
}

/* FD, which is closed, is the folder at walk->path. */
static bool walk_folder(struct walk *walk, int fd, dev_t device, int depth,
                        struct error *error)
{
    size_t length = strlen(walk->path);
    DIR *directory = fdopendir(fd);
    const struct dirent *entry;
    bool ok = true;

    if (directory == NULL) {
        close(fd);
        return error_set_errno(error, errno, "cannot read %s", walk->path);
    }
    while (ok && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (depth > DEPTH_MAX ||
            length + strlen(entry->d_name) + 2 > sizeof(walk->path)) {
            ok = error_set(error, ERROR_TOO_LARGE, "%s is nested too deep", walk->path);
            break;
        }
        apr_snprintf(walk->path + length, sizeof(walk->path) - length, "%s%s",
                     length > 0 ? "/" : "", entry->d_name);
        ok = walk_entry(walk, dirfd(directory), entry->d_name, device, depth + 1, error);
        walk->path[length] = '\0';
    }
    closedir(directory);
    return ok;
}

bool walk_tree(const char *path, bool is_shallow, walk_visit *visit_function, void *baton,
               apr_pool_t *pool, struct error *error)
{
    struct walk *walk = apr_palloc(pool, sizeof(*walk));
    struct stat status;
    int fd;

    *walk = (struct walk){.visit = visit_function, .baton = baton, .path = "."};
    if (!open_top(&fd, path, error))
        return false;
    if (fstat(fd, &status) != 0 || !visit(walk, fd, ".", &status, false, error)) {
        close(fd);
        return error_prefix(error, "%s", path);
    }
    if (is_shallow) {
        close(fd);
        return true;
    }
    walk->path[0] = '\0';
    return walk_folder(walk, fd, status.st_dev, 0, error) ||
           error_prefix(error, "%s", path);
}

/* Go down from FD, which is closed, as walk_tree did. *fd -1: that way is gone. */
static bool descend(int *fd, const char *name, bool is_top, struct error *error)
{
    struct stat status;
    int parent = *fd;
    bool ok = true;

    *fd = -1;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        if (is_top && S_ISLNK(status.st_mode) && strcmp(name, DATA) == 0)
            ok = open_link(fd, parent, name, name, error);
        else if (S_ISDIR(status.st_mode))
            *fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    close(parent);
    return ok;
}

/* Visit the last part of a path, which is in FD. */
static bool visit_last(int fd, const char *name, struct walk_entry *entry,
                       walk_visit *visit_function, void *baton, struct error *error)
{
    entry->parent = fd;
    entry->name = name;
    return fstatat(fd, name, &entry->status, AT_SYMLINK_NOFOLLOW) != 0 ||
           visit_function(baton, entry, error);
}

/* Whether NAME is the link to the folder of objects, which stands for that folder. */
static bool is_data_link(int fd, const char *name)
{
    struct stat status;

    return strcmp(name, DATA) == 0 &&
           fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(status.st_mode);
}

bool walk_one(const char *path, const char *inner, walk_visit *visit_function,
              void *baton, struct error *error)
{
    struct walk_entry entry = {.path = inner};
    const char *slash;
    bool is_top = true, ok = true;
    char name[NAME_MAX + 1];
    int fd = -1;

    if (!open_top(&fd, path, error))
        return false;
    while (ok && fd >= 0 && (slash = strchr(inner, '/')) != NULL) {
        apr_snprintf(name, sizeof(name), "%.*s", (int)(slash - inner), inner);
        ok = descend(&fd, name, is_top, error);
        inner = slash + 1;
        is_top = false;
    }
    if (ok && fd >= 0 && is_top && is_data_link(fd, inner)) {
        ok = descend(&fd, inner, true, error);
        inner = ".";
    }
    if (ok && fd >= 0)
        ok = visit_last(fd, inner, &entry, visit_function, baton, error);
    if (fd >= 0)
        close(fd);
    return ok;
}
