/* SPDX-License-Identifier: Apache-2.0 */
/* Opening files of a storage tree for a server. */
#include "libreplica/store/store_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(struct error *error, int number, const char *path)
{
    if (number == ENOTDIR || number == ELOOP || number == ENXIO)
        return error_set(error, ERROR_NOT_FOUND, "%s is not a regular file", path);
    return error_set_errno(error, number, "cannot open %s", path);
}

static bool open_path(struct store_read *file, const char *path, int flags,
                      struct error *error)
{
    struct stat status;
    /* O_NONBLOCK: a FIFO in a file's place must not hold up a server's thread. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);

    if (fd < 0)
        return refuse(error, errno, path);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return error_set(error, ERROR_NOT_FOUND, "%s is not a regular file", path);
    }
    *file = (struct store_read){fd, status.st_size};
    return true;
}

/* <root>/<name>; false if that is too long for any file system. */
static bool join(char path[PATH_MAX], const char *root, struct text name,
                 struct error *error)
{
    size_t length = strlen(root);

    if (length + 1 + name.length >= PATH_MAX)
        return error_set(error, ERROR_NOT_FOUND, "the path of %.80s is too long", root);
    memcpy(path, root, length);
    path[length] = '/';
    memcpy(path + length + 1, name.bytes, name.length);
    path[length + 1 + name.length] = '\0';
    return true;
}

bool store_read_object(struct store_read *file, const char *root,
                       const struct object *object, struct error *error)
{
    char place[OBJECT_PATH_SIZE];

    return store_read_named(file, root, text_of(object_path(place, object)), error);
}

bool store_read_alternative(struct store_read *file, const char *root,
                            const struct object *object, struct error *error)
{
    char name[sizeof(".cvmfsalt-") + OBJECT_NAME_SIZE], digits[OBJECT_NAME_SIZE];
    char target[OBJECT_PATH_SIZE + 1], place[OBJECT_PATH_SIZE], path[PATH_MAX];
    ssize_t length;

    snprintf(name, sizeof(name), ".cvmfsalt-%s", object_name(digits, object));
    if (!join(path, root, text_of(name), error))
        return false;
    length = readlink(path, target, sizeof(target));
    if (length < 0 && errno == EINVAL)
        return open_path(file, path, O_NOFOLLOW, error);
    if (length < 0)
        return refuse(error, errno, path);
    if (!text_equals((struct text){target, (size_t)length}, object_path(place, object)))
        return error_set(error, ERROR_NOT_FOUND, "%s does not lead to its object", path);
    return store_read_object(file, root, object, error);
}

bool store_read_named(struct store_read *file, const char *root, struct text name,
                      struct error *error)
{
    char path[PATH_MAX];

    return join(path, root, name, error) && open_path(file, path, O_NOFOLLOW, error);
}

bool store_read_info(struct store_read *file, const char *storage_dir, struct text name,
                     struct error *error)
{
    char folder[PATH_MAX], path[PATH_MAX];

    return join(folder, storage_dir, text_of("info/v1"), error) &&
           join(path, folder, name, error) && open_path(file, path, 0, error);
}
