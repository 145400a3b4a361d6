/* SPDX-License-Identifier: Apache-2.0 */
/* The object store of one repository: opening the tree, and the objects in it. */
#include "libreplica/store/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <apr_strings.h>

#define VERIFY_BUFFER_SIZE (128 * 1024)

static apr_status_t store_cleanup(void *baton)
{
    struct store *store = baton;

    for (int i = 0; i < STORE_FOLDERS; i++)
        if (store->folder_fds[i] >= 0)
            close(store->folder_fds[i]);
    if (store->temporary_fd >= 0)
        close(store->temporary_fd);
    close(store->root_fd);
    return APR_SUCCESS;
}

bool store_open(struct store **store, const char *root, const char *temporary,
                apr_pool_t *pool, struct error *error)
{
    struct store *opened = apr_pcalloc(pool, sizeof(*opened));

    opened->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (opened->root_fd < 0)
        return error_set_errno(error, errno, "cannot open the storage %s", root);
    opened->pool = pool;
    opened->root = apr_pstrdup(pool, root);
    opened->temporary = temporary != NULL ? apr_pstrdup(pool, temporary)
                                          : apr_pstrcat(pool, root, "/data/txn", NULL);
    opened->temporary_fd = -1;
    opened->syncs = true;
    for (int i = 0; i < STORE_FOLDERS; i++)
        opened->folder_fds[i] = -1;
    apr_pool_cleanup_register(pool, opened, store_cleanup, apr_pool_cleanup_null);
    *store = opened;
    return true;
}

bool store_share(struct store **sibling, struct store *store, apr_pool_t *pool,
                 struct error *error)
{
    struct store *made = apr_palloc(pool, sizeof(*made));
    int fd;

    /* All of them now: later each thread would open its own. */
    for (unsigned int i = 0; i < STORE_FOLDERS; i++)
        if (!store_folder(&fd, store, i, true, error))
            return false;
    if (!store_temporary_folder(&fd, store, error))
        return false;
    *made = *store;
    made->pool = pool;
    made->spare = NULL;
    made->writers = NULL;
    *sibling = made;
    return true;
}

const char *store_root(const struct store *store)
{
    return store->root;
}

const char *store_temporary(const struct store *store)
{
    return store->temporary;
}

void store_disable_barriers(struct store *store)
{
    store->syncs = false;
}

/* The descriptor of data/xx. A tree that somebody made without its folders is completed.
 */
bool store_folder(int *fd, struct store *store, unsigned int number, bool create,
                  struct error *error)
{
    char path[16];

    if (store->folder_fds[number] < 0) {
        apr_snprintf(path, sizeof(path), "data/%02x", number);
        if (create && mkdirat(store->root_fd, path, 0777) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot create %s/%s", store->root,
                                   path);
        store->folder_fds[number] =
            openat(store->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->folder_fds[number] < 0)
            return error_set_errno(error, errno, "cannot open %s/%s", store->root, path);
    }
    *fd = store->folder_fds[number];
    return true;
}

bool store_temporary_folder(int *fd, struct store *store, struct error *error)
{
    if (store->temporary_fd < 0) {
        store->temporary_fd = open(store->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (store->temporary_fd < 0)
            return error_set_errno(error, errno, "cannot open the temporary folder %s",
                                   store->temporary);
    }
    *fd = store->temporary_fd;
    return true;
}

/* Split OBJECT's name into its folder and the file name in it, which points into NAME. */
static bool object_place(int *folder_fd, const char **file_name,
                         char name[OBJECT_NAME_SIZE], struct store *store,
                         const struct object *object, bool create, struct error *error)
{
    object_name(name, object);
    *file_name = name + 2;
    return store_folder(folder_fd, store, object->hash.digest[0], create, error);
}

bool store_place(int *folder_fd, const char **file_name, char name[OBJECT_NAME_SIZE],
                 struct store *store, const struct object *object, struct error *error)
{
    return object_place(folder_fd, file_name, name, store, object, true, error);
}

static void status_of(struct store_status *status, const struct stat *from)
{
    status->size = from->st_size;
    status->changed =
        apr_time_from_sec(from->st_ctim.tv_sec) + from->st_ctim.tv_nsec / 1000;
}

bool store_stat(struct store *store, const struct object *object,
                struct store_status *status, bool *found, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    const char *file_name;
    struct stat file;
    int folder;

    *found = false;
    if (!object_place(&folder, &file_name, name, store, object, false, error))
        return error->code == ERROR_NOT_FOUND;
    if (fstatat(folder, file_name, &file, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
        return error_set_errno(error, errno, "cannot look at object %s in %s", name,
                               store->root);
    }
    if (!S_ISREG(file.st_mode))
        return error_set(error, ERROR_IO, "object %s in %s is not a regular file", name,
                         store->root);
    status_of(status, &file);
    *found = true;
    return true;
}

bool store_open_object(int *fd, struct store *store, const struct object *object,
                       struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    const char *file_name;
    int folder;

    if (!object_place(&folder, &file_name, name, store, object, false, error))
        return false;
    *fd = openat(folder, file_name, STORE_READ_FLAGS);
    if (*fd < 0)
        return error_set_errno(error, errno, "cannot open object %s in %s", name,
                               store->root);
    return true;
}

bool store_remove(struct store *store, const struct object *object, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    const char *file_name;
    int folder;

    if (!object_place(&folder, &file_name, name, store, object, false, error))
        return error->code == ERROR_NOT_FOUND;
    if (unlinkat(folder, file_name, 0) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove object %s from %s", name,
                               store->root);
    return true;
}

#define QUARANTINED_SIZE (OBJECT_NAME_SIZE + sizeof(STORE_QUARANTINE))

/* Below the temporary folder. */
static void quarantined_path(char path[QUARANTINED_SIZE], const struct object *object)
{
    char name[OBJECT_NAME_SIZE];

    apr_snprintf(path, QUARANTINED_SIZE, STORE_QUARANTINE "/%s",
                 object_name(name, object));
}

bool store_drop_quarantined(struct store *store, const struct object *object,
                            struct error *error)
{
    char path[QUARANTINED_SIZE];
    int temporary;

    quarantined_path(path, object);
    if (!store_temporary_folder(&temporary, store, error))
        return false;
    if (unlinkat(temporary, path, 0) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove %s/%s", store->temporary,
                               path);
    /* Only an empty one goes. */
    unlinkat(temporary, STORE_QUARANTINE, AT_REMOVEDIR);
    return true;
}

static bool hash_descriptor(struct hash *hash, int fd, enum hash_algorithm algorithm,
                            struct error *error)
{
    unsigned char buffer[VERIFY_BUFFER_SIZE];
    struct hasher *hasher;
    apr_pool_t *pool;
    ssize_t count;

    apr_pool_create(&pool, NULL);
    hasher = hasher_create(pool);
    hasher_start(hasher, algorithm);
    while ((count = read(fd, buffer, sizeof(buffer))) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            break;
        hasher_update(hasher, buffer, (size_t)count);
    }
    hasher_finish(hasher, hash);
    apr_pool_destroy(pool);
    return count == 0 || error_set_errno(error, errno, "cannot read");
}

bool store_verify(struct store *store, const struct object *object, bool *intact,
                  struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    struct hash hash;
    bool ok;
    int fd;

    *intact = false;
    if (!store_open_object(&fd, store, object, error))
        return error->code == ERROR_NOT_FOUND;
    ok = hash_descriptor(&hash, fd, object->hash.algorithm, error);
    close(fd);
    /* A sector that cannot be read is a broken object, not a reason to give up the run.
     */
    if (!ok && error->code == ERROR_IO)
        return true;
    if (!ok)
        return error_prefix(error, "object %s in %s", object_name(name, object),
                            store->root);
    *intact = hash_equals(&hash, &object->hash);
    return true;
}

bool store_quarantine(struct store *store, const struct object *object,
                      struct error *error)
{
    char name[OBJECT_NAME_SIZE], aside[QUARANTINED_SIZE];
    const char *file_name;
    int folder, temporary;

    if (!store_temporary_folder(&temporary, store, error) ||
        !store_place(&folder, &file_name, name, store, object, error))
        return false;
    quarantined_path(aside, object);
    if (mkdirat(temporary, STORE_QUARANTINE, 0755) != 0 && errno != EEXIST)
        return error_set_errno(error, errno, "cannot create %s/" STORE_QUARANTINE,
                               store->temporary);
    if (renameat(folder, file_name, temporary, aside) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot move object %s to %s/%s", name,
                               store->temporary, aside);
    return true;
}

static bool is_intact_aside(int temporary, const char *path, const struct object *object)
{
    int fd = openat(temporary, path, STORE_READ_FLAGS);
    struct hash hash;
    bool intact;

    if (fd < 0)
        return false;
    intact = hash_descriptor(&hash, fd, object->hash.algorithm, NULL) &&
             hash_equals(&hash, &object->hash);
    close(fd);
    return intact;
}

/* Looking after the move leaves no moment in which a good file could take the place of
 * the damaged one unseen. */
bool store_quarantine_damaged(struct store *store, const struct object *object,
                              struct error *error)
{
    char name[OBJECT_NAME_SIZE], aside[QUARANTINED_SIZE];
    const char *file_name;
    int folder, temporary;

    quarantined_path(aside, object);
    if (!store_quarantine(store, object, error) ||
        !store_temporary_folder(&temporary, store, error) ||
        !store_place(&folder, &file_name, name, store, object, error))
        return false;
    if (is_intact_aside(temporary, aside, object) &&
        renameat(temporary, aside, folder, file_name) != 0)
        return error_set_errno(error, errno, "cannot move object %s back from %s/%s",
                               name, store->temporary, aside);
    return true;
}

/* Whom to show the objects of a folder: one of the two visitors. */
struct listing {
    struct store *store;
    unsigned int number;
    store_visit *visit;
    store_visit_name *visit_name;
    enum object_type type; /* for visit_name */
    void *baton;
};

static bool visit_entry(const struct listing *listing, DIR *folder,
                        const struct dirent *entry, struct error *error)
{
    struct store_status status;
    struct object object;
    struct stat file;
    char digits[3];

    apr_snprintf(digits, sizeof(digits), "%02x", listing->number);
    if (!object_parse(&object, text_of(digits), text_of(entry->d_name)))
        return true;
    if (listing->visit == NULL)
        return object.type != listing->type ||
               listing->visit_name(listing->baton, &object, error);
    if (fstatat(dirfd(folder), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ||
               error_set_errno(error, errno, "cannot look at %s/data/%s/%s",
                               listing->store->root, digits, entry->d_name);
    if (!S_ISREG(file.st_mode))
        return true;
    status_of(&status, &file);
    return listing->visit(listing->baton, &object, &status, error);
}

static bool list(const struct listing *listing, struct error *error)
{
    const char *root = listing->store->root;
    const struct dirent *entry;
    bool ok = true;
    int fd, copy;
    DIR *stream;

    if (!store_folder(&fd, listing->store, listing->number, false, error))
        return error->code == ERROR_NOT_FOUND;
    /* fdopendir takes the descriptor over, with its position: open the folder anew. */
    copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    stream = copy < 0 ? NULL : fdopendir(copy);
    if (stream == NULL) {
        error_set_errno(error, errno, "cannot list %s/data/%02x", root, listing->number);
        if (copy >= 0)
            close(copy);
        return false;
    }
    while (ok && (errno = 0, entry = readdir(stream)) != NULL)
        ok = visit_entry(listing, stream, entry, error);
    if (ok && errno != 0)
        ok = error_set_errno(error, errno, "cannot list %s/data/%02x", root,
                             listing->number);
    closedir(stream);
    return ok;
}

bool store_list(struct store *store, unsigned int folder, store_visit *visit, void *baton,
                struct error *error)
{
    struct listing listing = {
        .store = store, .number = folder, .visit = visit, .baton = baton};

    return list(&listing, error);
}

bool store_list_type(struct store *store, unsigned int folder, enum object_type type,
                     store_visit_name *visit, void *baton, struct error *error)
{
    struct listing listing = {.store = store,
                              .number = folder,
                              .visit_name = visit,
                              .type = type,
                              .baton = baton};

    return list(&listing, error);
}

bool store_barrier(struct store *store, struct error *error)
{
    if (store->syncs && syncfs(store->root_fd) != 0)
        return error_set_errno(error, errno, "cannot sync the file system of %s",
                               store->root);
    return true;
}

bool store_space(struct store *store, int64_t *bytes, int64_t *inodes,
                 struct error *error)
{
    struct statvfs status;

    if (fstatvfs(store->root_fd, &status) != 0)
        return error_set_errno(error, errno, "cannot ask for the free space of %s",
                               store->root);
    *bytes = (int64_t)(status.f_bavail * status.f_frsize);
    /* File systems without a fixed number of inodes report none at all. */
    *inodes = status.f_files == 0 ? INT64_MAX : (int64_t)status.f_favail;
    return true;
}
