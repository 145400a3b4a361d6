/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a directory, by descriptors, so that nothing is reached through a link. */
#include "libreplica/publish/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/catalog_balance.h"
#include "libreplica/publish/attributes.h"
#include "libreplica/publish/balancing.h"
#include "libreplica/publish/listing.h"
#include "libreplica/publish/nesting.h"

/* Each level holds a descriptor, and nobody has more levels. */
#define DEPTH_MAX        250
#define SYMLINK_SIZE_MAX 65536

struct walk {
    struct publication *publication;
    struct rows *rows;
    struct workers *workers;
    const struct predecessors *predecessors;
    struct dirtab *rules; /* NULL: none */
    int depth;
};

/* A directory that is being walked. */
struct folder {
    const char *path;
    int fd;
    struct listing listing;
    apr_pool_t *pool;
};

static void fill_row(struct row *row, const char *path, const struct stat *status,
                     apr_pool_t *pool)
{
    row->path = apr_pstrdup(pool, path);
    row->mode = status->st_mode;
    row->uid = status->st_uid;
    row->gid = status->st_gid;
    row->mtime_seconds = status->st_mtime;
    if (S_ISDIR(status->st_mode))
        row->size = status->st_size;
    else if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode))
        row->size = (int64_t)status->st_rdev;
}

static bool read_attributes(struct walk *walk, struct row *row, int fd, apr_pool_t *pool,
                            struct error *error)
{
    if (!walk->publication->target->includes_xattrs)
        return true;
    return attributes_read(&row->xattr, fd, row->path, pool, error);
}

static bool add_symlink(struct walk *walk, const struct folder *folder,
                        const struct listed *listed, const char *path,
                        struct error *error)
{
    size_t room = (size_t)listed->status.st_size + 1;
    ssize_t length = -1;
    struct row *row;
    apr_pool_t *pool;
    char *target = NULL;

    if (!rows_append(&row, &pool, walk->rows, ROW_ADD, error))
        return false;
    for (; room <= 2 * SYMLINK_SIZE_MAX; room = 2 * room + 256) {
        target = apr_palloc(pool, room);
        length = readlinkat(folder->fd, listed->name, target, room);
        if (length < (ssize_t)room)
            break;
    }
    if (length < 0)
        return error_set_errno(error, errno, "cannot read the link %s", path);
    fill_row(row, path, &listed->status, pool);
    row->symlink = (struct text){target, (size_t)length};
    row->size = length;
    return true;
}

static bool add_special(struct walk *walk, const struct listed *listed, const char *path,
                        struct error *error)
{
    apr_pool_t *pool;
    struct row *row;

    if (!rows_append(&row, &pool, walk->rows, ROW_ADD, error))
        return false;
    fill_row(row, path, &listed->status, pool);
    return true;
}

static apr_status_t release(void *content)
{
    content_release(content);
    return APR_SUCCESS;
}

static bool open_regular(int *fd, struct stat *status, int folder_fd, const char *name,
                         const char *path, struct error *error)
{
    *fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return error_set_errno(error, errno, "cannot open %s", path);
    if (fstat(*fd, status) == 0 && S_ISREG(status->st_mode))
        return true;
    close(*fd);
    return error_set(error, ERROR_IO, "%s was replaced while it was published", path);
}

/* The first name of an inode is read, the others share what came of it. */
static bool add_regular(struct walk *walk, struct folder *folder, struct listed *listed,
                        const char *path, struct error *error)
{
    struct listed *first = listed->first;
    struct stat status;
    apr_pool_t *pool;
    struct row *row;
    int fd = -1;
    bool ok;

    if (!rows_append(&row, &pool, walk->rows, ROW_ADD, error) ||
        !open_regular(&fd, &status, folder->fd, listed->name, path, error))
        return false;
    fill_row(row, path, &status, pool);
    ok = read_attributes(walk, row, fd, pool, error);
    if (first->content != NULL || !ok) {
        close(fd);
        row->content = ok ? content_retain(first->content) : NULL;
        return ok;
    }
    first->content = content_create(path, fd, status.st_size, first->links);
    apr_pool_cleanup_register(folder->pool, first->content, release,
                              apr_pool_cleanup_null);
    row->content = content_retain(first->content);
    workers_submit(walk->workers, row->content);
    return true;
}

/* Names that mean something to the reference's tools and are no content. */
static bool check_name(const struct folder *folder, const struct listed *listed,
                       const char *path, struct error *error)
{
    bool is_root = folder->path[0] == '\0';

    if (is_root && strcmp(listed->name, ".cvmfs") == 0)
        return error_set(error, ERROR_USAGE,
                         "%s is reserved for the virtual directory; remove it", path);
    if (strncmp(listed->name, ".cvmfsgraft-", 12) == 0)
        return error_set(error, ERROR_UNSUPPORTED,
                         "%s describes data that are elsewhere; such files cannot be "
                         "published yet",
                         path);
    return true;
}

static bool add_other(struct walk *walk, struct folder *folder, struct listed *listed,
                      const char *path, struct error *error)
{
    if (S_ISREG(listed->status.st_mode))
        return add_regular(walk, folder, listed, path, error);
    if (S_ISLNK(listed->status.st_mode))
        return add_symlink(walk, folder, listed, path, error);
    return add_special(walk, listed, path, error);
}

static const char *path_below(const struct folder *folder, const struct listed *listed,
                              apr_pool_t *pool)
{
    return apr_pstrcat(pool, folder->path, "/", listed->name, NULL);
}

static bool add_files(struct walk *walk, struct folder *folder, struct error *error)
{
    struct listed *all = (struct listed *)folder->listing.entries->elts;
    apr_pool_t *pool;
    bool ok = true;

    apr_pool_create(&pool, folder->pool);
    for (int i = 0; ok && i < folder->listing.entries->nelts; i++) {
        const char *path = path_below(folder, &all[i], pool);

        ok = check_name(folder, &all[i], path, error) &&
             (S_ISDIR(all[i].status.st_mode) ||
              add_other(walk, folder, &all[i], path, error));
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return ok;
}

/* Whether the rules ask for a catalog. */
static bool is_ruled(const struct walk *walk, const struct folder *folder)
{
    return walk->rules != NULL && dirtab_matches(walk->rules, folder->path);
}

/* The directory's own row; as a nested catalog's root it stands for two. */
static bool add_folder(struct walk *walk, const struct folder *folder,
                       enum row_action action, struct error *error)
{
    struct stat status;
    apr_pool_t *pool;
    struct row *row;

    if (!rows_append(&row, &pool, walk->rows, action, error))
        return false;
    if (fstat(folder->fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s/", folder->path);
    fill_row(row, folder->path, &status, pool);
    row->link_count = 2 + folder->listing.directories;
    row->is_ruled = is_ruled(walk, folder);
    return read_attributes(walk, row, folder->fd, pool, error);
}

static bool walk_folder(struct walk *walk, int fd, const char *path, apr_pool_t *pool,
                        struct error *error);

static bool walk_subfolder(struct walk *walk, const struct folder *folder,
                           const struct listed *listed, struct error *error)
{
    const char *path = path_below(folder, listed, folder->pool);
    int fd;
    bool ok;

    if (walk->depth == DEPTH_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "directories are nested more than %d deep, at %.100s...",
                         DEPTH_MAX, path);
    fd =
        openat(folder->fd, listed->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s/", path);
    walk->depth++;
    ok = walk_folder(walk, fd, path, folder->pool, error);
    walk->depth--;
    close(fd);
    return ok;
}

static bool walk_subfolders(struct walk *walk, const struct folder *folder,
                            struct error *error)
{
    const struct listed *all = (const struct listed *)folder->listing.entries->elts;

    for (int i = 0; i < folder->listing.entries->nelts; i++)
        if (S_ISDIR(all[i].status.st_mode) &&
            !walk_subfolder(walk, folder, &all[i], error))
            return false;
    return true;
}

/* An empty file that looks like its directory. */
static bool add_marker(struct walk *walk, const struct folder *folder, const char *name,
                       unsigned int mode, struct error *error)
{
    struct stat status;
    apr_pool_t *pool;
    struct row *row;
    int fd;

    if (!rows_append(&row, &pool, walk->rows, ROW_ADD, error))
        return false;
    if (fstat(folder->fd, &status) != 0 ||
        (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return error_set_errno(error, errno, "cannot look at %s/", folder->path);
    status.st_mode = S_IFREG | mode;
    fill_row(row, apr_pstrcat(pool, folder->path, "/", name, NULL), &status, pool);
    row->content = content_create(row->path, fd, 0, 1);
    workers_submit(walk->workers, row->content);
    return true;
}

/* What makes a directory a nested catalog, besides a marker of its own. */
enum cause { CAUSE_NONE, CAUSE_RULES, CAUSE_WEIGHT };

static enum cause cause_of(const struct walk *walk, const struct folder *folder)
{
    /* It may be no file: then there is no room for one. */
    if (listing_has(&folder->listing, CATALOG_MARKER))
        return CAUSE_NONE;
    if (is_ruled(walk, folder))
        return CAUSE_RULES;
    return predecessors_is_automatic(walk->predecessors, folder->path) ? CAUSE_WEIGHT
                                                                       : CAUSE_NONE;
}

static bool add_markers(struct walk *walk, const struct folder *folder, enum cause cause,
                        struct error *error)
{
    if (cause == CAUSE_RULES)
        return add_marker(walk, folder, CATALOG_MARKER, 0644, error);
    return cause == CAUSE_NONE ||
           (add_marker(walk, folder, CATALOG_MARKER, AUTOMATIC_MARKER_MODE, error) &&
            (listing_has(&folder->listing, CATALOG_AUTOMATIC_MARKER) ||
             add_marker(walk, folder, CATALOG_AUTOMATIC_MARKER, AUTOMATIC_MARKER_MODE,
                        error)));
}

static bool walk_contents(struct walk *walk, struct folder *folder, struct error *error)
{
    bool is_root = folder->path[0] == '\0';
    enum cause cause = cause_of(walk, folder);
    bool has_catalog = is_root || folder->listing.has_marker || cause != CAUSE_NONE;
    apr_pool_t *unused;
    struct row *row;

    if (is_root && folder->listing.has_marker)
        return error_set(error, ERROR_USAGE,
                         "the root holds /.cvmfscatalog, but it is a catalog's root "
                         "anyway; remove the file");
    return add_folder(walk, folder, has_catalog ? ROW_OPEN_CATALOG : ROW_ADD, error) &&
           add_markers(walk, folder, cause, error) && add_files(walk, folder, error) &&
           walk_subfolders(walk, folder, error) &&
           (!has_catalog ||
            rows_append(&row, &unused, walk->rows, ROW_CLOSE_CATALOG, error));
}

static bool walk_folder(struct walk *walk, int fd, const char *path, apr_pool_t *pool,
                        struct error *error)
{
    struct folder folder = {.path = path, .fd = fd};
    bool ok;

    apr_pool_create(&folder.pool, pool);
    ok = publication_continues(walk->publication, error) &&
         listing_read(&folder.listing, fd, path, folder.pool, error) &&
         walk_contents(walk, &folder, error);
    apr_pool_destroy(folder.pool);
    return ok;
}

bool walk_directory(struct publication *publication, struct rows *rows,
                    struct workers *workers, const struct predecessors *predecessors,
                    const char *directory, apr_pool_t *pool, struct error *error)
{
    struct walk walk = {.publication = publication,
                        .rows = rows,
                        .workers = workers,
                        .predecessors = predecessors};
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok;

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", directory);
    ok = nesting_read_file(&walk.rules, fd, pool, error) &&
         walk_folder(&walk, fd, "", pool, error);
    close(fd);
    return ok || error_prefix(error, "publishing %s", directory);
}
