/* SPDX-License-Identifier: Apache-2.0 */
/* Reading tar archives into changes. */
#include "libreplica/publish/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <archive_entry.h>

#include "libreplica/format/xattr_blob.h"
#include "libreplica/publish/layer_path.h"
#include "libreplica/publish/whiteout.h"

#define BLOCK_SIZE (256 * 1024)
/* Smaller files wait in memory for their turn, a few hundred at most; larger ones are
 * read by a worker while they come out of the archive. */
#define SMALL_SIZE_MAX  (64 * 1024)
#define MODE_OF_PARENTS 0755

struct reader {
    struct changes *changes;
    const struct archive_options *options;
    struct archive *archive;
    int64_t now_seconds;
    char *buffer;
    apr_pool_t *pool; /* of one entry */
};

static bool leads_out(const char *name)
{
    for (;;) {
        size_t length = strcspn(name, "/");

        if (length == 2 && strncmp(name, "..", 2) == 0)
            return true;
        if (name[length] == '\0')
            return false;
        name += length + 1;
    }
}

/* NAME below the base. */
static bool path_of(const char **path, const struct reader *reader, const char *name,
                    struct error *error)
{
    const char *base = reader->options->base;

    if (leads_out(name))
        return error_set(error, ERROR_BAD_FORMAT,
                         "a name in the archive leads out of it: %s",
                         text_for_people(text_of(name), 100, reader->pool));
    *path = change_path_below(base, name, reader->pool);
    /* Before anything goes through it component by component. */
    if (!change_path_is_clean(*path, error))
        return false;
    return reader->options->kind == ARCHIVE_PLAIN || **path == '\0' ||
           layer_path_resolve(path, reader->changes, base, *path, reader->pool, error);
}

/* What is at PATH gives way to something of another kind. In a layer anything does. */
static bool make_way(struct reader *reader, const char *path, bool for_directory,
                     struct error *error)
{
    struct catalog_entry entry;
    bool found, is_directory;

    if (!for_directory && reader->options->kind != ARCHIVE_LAYER_CONTENTS)
        return true;
    if (!changes_lookup(reader->changes, &found, &entry, path, error))
        return false;
    is_directory = found && (entry.flags & CATALOG_DIRECTORY) != 0;
    return !found || is_directory == for_directory ||
           changes_remove(reader->changes, path, error);
}

static bool spend(const struct reader *reader, int64_t bytes, struct error *error)
{
    struct archive_budget *budget = reader->options->budget;

    return budget == NULL || archive_budget_take(budget, bytes, error);
}

static bool make_parents(struct reader *reader, const char *path, struct error *error)
{
    struct change_attributes attributes = {.mode = MODE_OF_PARENTS,
                                           .uid = reader->options->uid,
                                           .gid = reader->options->gid,
                                           .mtime_seconds = reader->now_seconds};
    const char *slash = strrchr(path, '/'), *parent;
    struct catalog_entry entry;
    bool found;

    if (slash == NULL || slash == path)
        return true;
    parent = apr_pstrmemdup(reader->pool, path, (size_t)(slash - path));
    if (!changes_lookup(reader->changes, &found, &entry, parent, error))
        return false;
    if (found &&
        ((entry.flags & CATALOG_DIRECTORY) || reader->options->kind == ARCHIVE_PLAIN))
        return true;
    return make_parents(reader, parent, error) && spend(reader, 0, error) &&
           make_way(reader, parent, true, error) &&
           changes_make_directory(reader->changes, parent, &attributes, error);
}

static bool read_xattrs(struct text *blob, const struct reader *reader,
                        struct archive_entry *entry, struct error *error)
{
    apr_array_header_t *all = apr_array_make(reader->pool, 4, sizeof(struct xattr));
    const char *name;
    const void *value;
    size_t length;

    if (!reader->options->keeps_xattrs)
        return true;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &length) == ARCHIVE_OK)
        if (strncmp(name, "user.", 5) == 0 && strlen(name) <= XATTR_BLOB_MAX &&
            length <= XATTR_BLOB_MAX && all->nelts < XATTR_BLOB_MAX)
            APR_ARRAY_PUSH(all, struct xattr) =
                (struct xattr){text_of(name), {value, length}};
    return xattr_blob_write(blob, all, reader->pool, error);
}

static bool read_attributes(struct change_attributes *attributes,
                            const struct reader *reader, struct archive_entry *entry,
                            struct error *error)
{
    const struct archive_options *options = reader->options;

    *attributes = (struct change_attributes){
        .mode = archive_entry_mode(entry),
        .uid = options->keeps_owner ? archive_entry_uid(entry) : options->uid,
        .gid = options->keeps_owner ? archive_entry_gid(entry) : options->gid,
        .mtime_seconds = archive_entry_mtime(entry),
    };
    if (options->kind != ARCHIVE_PLAIN)
        attributes->mode |= S_ISDIR(attributes->mode) ? S_IRWXU : S_IRUSR | S_IWUSR;
    return read_xattrs(&attributes->xattr, reader, entry, error);
}

/* Send the whole content to FD. A worker that has given up shows in changes_settle. */
static bool send_content(const struct reader *reader, int fd, bool is_socket,
                         struct error *error)
{
    la_ssize_t length;

    while ((length = archive_read_data(reader->archive, reader->buffer, BLOCK_SIZE)) > 0)
        for (la_ssize_t sent = 0; sent < length;) {
            const char *next = reader->buffer + sent;
            size_t left = (size_t)(length - sent);
            ssize_t count =
                is_socket ? send(fd, next, left, MSG_NOSIGNAL) : write(fd, next, left);

            if (count < 0 && errno == EPIPE)
                return true;
            if (count < 0 && errno != EINTR)
                return error_set_errno(error, errno, "cannot pass a file on");
            sent += count > 0 ? count : 0;
        }
    return length == 0 || archive_source_fail(reader->archive, error);
}

/* What is said of the size is what is read: libarchive sees to that. */
static int64_t size_of(struct archive_entry *entry)
{
    const char *target = archive_entry_symlink(entry);

    if (archive_entry_filetype(entry) == AE_IFLNK && target != NULL)
        return (int64_t)strlen(target);
    return archive_entry_filetype(entry) == AE_IFREG ? archive_entry_size(entry) : 0;
}

static bool put_small(struct reader *reader, const char *path,
                      const struct change_attributes *attributes, struct error *error)
{
    int fd = memfd_create("replica-archive", MFD_CLOEXEC);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot make a file in memory");
    if (!send_content(reader, fd, false, error) || lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return false;
    }
    return changes_put(reader->changes, path, fd, attributes, error);
}

static bool put_large(struct reader *reader, const char *path,
                      const struct change_attributes *attributes, struct error *error)
{
    int ends[2];
    bool ok;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return error_set_errno(error, errno, "cannot make a pair of sockets");
    ok = changes_put(reader->changes, path, ends[0], attributes, error) &&
         send_content(reader, ends[1], true, error);
    close(ends[1]);
    return ok;
}

static bool put_directory(struct reader *reader, const char *path,
                          const struct change_attributes *attributes, struct error *error)
{
    return make_way(reader, path, true, error) &&
           changes_make_directory(reader->changes, path, attributes, error);
}

static bool is_in_one_directory(const char *a, const char *b)
{
    size_t length = (size_t)(strrchr(a, '/') - a);

    return length == (size_t)(strrchr(b, '/') - b) && strncmp(a, b, length) == 0;
}

static bool put_link(struct reader *reader, const char *path, const char *name,
                     struct error *error)
{
    const char *existing = "";

    if (!path_of(&existing, reader, name, error) || !make_way(reader, path, false, error))
        return false;
    return *existing != '\0' && is_in_one_directory(path, existing)
               ? changes_link(reader->changes, path, existing, error)
               : changes_copy(reader->changes, path, existing, error);
}

static bool put_by_type(struct reader *reader, const char *path,
                        struct archive_entry *entry,
                        const struct change_attributes *attributes, struct error *error)
{
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return put_directory(reader, path, attributes, error);
    if (!make_way(reader, path, false, error))
        return false;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return archive_entry_size(entry) <= SMALL_SIZE_MAX
                   ? put_small(reader, path, attributes, error)
                   : put_large(reader, path, attributes, error);
    case AE_IFLNK:
        return changes_symlink(reader->changes, path,
                               text_of(archive_entry_symlink(entry)), attributes, error);
    default:
        return changes_special(reader->changes, path, (int64_t)archive_entry_rdev(entry),
                               attributes, error);
    }
}

static bool put_entry(struct reader *reader, struct archive_entry *entry,
                      struct error *error)
{
    const char *name = archive_entry_pathname(entry);
    const char *link = archive_entry_hardlink(entry);
    struct change_attributes attributes;
    const char *path = "";

    if (name == NULL)
        return archive_source_fail(reader->archive, error);
    if (!path_of(&path, reader, name, error))
        return false;
    if (reader->options->kind != ARCHIVE_PLAIN && whiteout_is_one(path))
        return reader->options->kind != ARCHIVE_LAYER_WHITEOUTS ||
               (spend(reader, 0, error) &&
                whiteout_apply(reader->changes, path, reader->pool, error));
    if (reader->options->kind == ARCHIVE_LAYER_WHITEOUTS)
        return true;
    /* The root's own attributes stay as they are. */
    if (*path == '\0')
        return true;
    return spend(reader, size_of(entry), error) &&
           read_attributes(&attributes, reader, entry, error) &&
           make_parents(reader, path, error) &&
           (link != NULL ? put_link(reader, path, link, error)
                         : put_by_type(reader, path, entry, &attributes, error));
}

static bool read_all(struct reader *reader, int64_t *entries, struct error *error)
{
    struct archive_entry *entry;
    int result;

    while ((result = archive_source_next(&entry, reader->archive, error)) > 0) {
        apr_pool_clear(reader->pool);
        if (!put_entry(reader, entry, error))
            return false;
        if (entries != NULL)
            ++*entries;
    }
    return result == 0;
}

bool archive_put(struct changes *changes, int64_t *entries,
                 const struct archive_source *source,
                 const struct archive_options *options, apr_time_t now, apr_pool_t *pool,
                 struct error *error)
{
    struct reader reader = {
        .changes = changes, .options = options, .now_seconds = apr_time_sec(now)};
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, pool);
    apr_pool_create(&reader.pool, own);
    reader.buffer = apr_palloc(own, BLOCK_SIZE);
    ok = archive_source_open(&reader.archive, source, own, error) &&
         read_all(&reader, entries, error) && changes_settle(changes, error);
    apr_pool_destroy(own);
    return ok;
}
