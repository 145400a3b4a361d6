/* SPDX-License-Identifier: Apache-2.0 */
/* Change sets: what is to be different in a repository's next revision.
 *
 * Changes are applied in the order of the calls, to scratch copies of the catalogs they
 * touch; nobody sees anything of them before changes_commit has replaced the manifest.
 * Only catalogs on changed paths are read and written. The caller has dropped to the
 * repository's user and holds its update lock from before changes_begin until after
 * changes_commit or changes_abandon. One thread at a time; contents are made by threads
 * of its own. Source: cvmfs-format 7. */
#ifndef REPLICA_PUBLISH_CHANGES_H
#define REPLICA_PUBLISH_CHANGES_H

#include <apr_tables.h>

#include "libreplica/format/catalog.h"
#include "libreplica/publish/content.h"
#include "libreplica/publish/publish.h"

/* A directory with a regular file of this name is a nested catalog. */
#define CATALOG_MARKER ".cvmfscatalog"

struct changes;

/* What a path has besides its content. Paths are absolute within the repository, "" is
 * its root; no component is empty, "." or "..", none is longer than 255 bytes. */
struct change_attributes {
    unsigned int mode; /* permission bits; of a special file also its type */
    int64_t uid;
    int64_t gid;
    int64_t mtime_seconds;
    struct text xattr; /* a catalog's blob; empty: none */
};

/* The path of NAME below BASE ("" or a path), without leading, double and trailing
 * slashes and without "." components; ".." stays, and is refused by the changes. */
const char *change_path_below(const char *base, const char *name, apr_pool_t *pool);
/* Whether it is a path at all. */
bool change_path_is_clean(const char *path, struct error *error);

enum change_attribute {
    CHANGE_MODE = 1, /* permission bits only */
    CHANGE_OWNER = 2,
    CHANGE_MTIME = 4,
    CHANGE_XATTR = 8
};

/* Begin with the present revision. TARGET lives as long as *changes. False: as
 * publish_directory, for the present revision. */
bool changes_begin(struct changes **changes, const struct publish_target *target,
                   apr_time_t now, const volatile int *stop, apr_pool_t *pool,
                   struct error *error);

/* What is at PATH, in the state that the changes so far make. The entry's texts live
 * until the next call. A directory of a nested catalog has the flag of a mountpoint. */
bool changes_lookup(struct changes *changes, bool *found, struct catalog_entry *entry,
                    const char *path, struct error *error);
/* Whether a directory is there. */
bool changes_has_directory(bool *has, struct changes *changes, const char *path,
                           struct error *error);
/* The entries of a directory, by name. VISIT must not use *changes. */
bool changes_list(struct changes *changes, const char *path, catalog_visit_entry *visit,
                  void *baton, struct error *error);

/* All of these fail with ERROR_USAGE (a path that is none, below /.cvmfs, a marker in the
 * root or one that is no regular file), ERROR_UNSUPPORTED (a graft file),
 * ERROR_NOT_FOUND (no parent directory), ERROR_EXISTS (something of another kind is
 * there: a directory in place of a file or the other way round), ERROR_TOO_LARGE
 * (directories nested too deep), ERROR_IO, ERROR_NO_SPACE, and then have changed nothing.
 * What changes nothing is no change. Times of directories are only changed by name. */

/* A regular file with what FD gives; FD becomes the changes'. What was there is replaced.
 * The content is made later, while other changes are asked for: only changes_settle and
 * changes_commit say what went wrong with it. */
bool changes_put(struct changes *changes, const char *path, int fd,
                 const struct change_attributes *attributes, struct error *error);
/* The same with CONTENT, which is copied. */
bool changes_put_text(struct changes *changes, const char *path, struct text content,
                      const struct change_attributes *attributes, struct error *error);
/* The same with a content whose objects are in the store already, with or without a
 * barrier since: size, hash and chunks of CONTENT are what counts. */
bool changes_put_stored(struct changes *changes, const char *path,
                        const struct content *content,
                        const struct change_attributes *attributes, struct error *error);
/* Wait for the contents of all that was put. False: ERROR is that of the first that could
 * not be made. None that could not has changed anything; that is said once. */
bool changes_settle(struct changes *changes, struct error *error);
/* A further name, in the same directory, of the regular file at EXISTING. What was there,
 * unless it is such a name already, is replaced. */
bool changes_link(struct changes *changes, const char *path, const char *existing,
                  struct error *error);
/* The regular file at EXISTING once more, from now on a file of its own. What was there
 * is replaced. */
bool changes_copy(struct changes *changes, const char *path, const char *existing,
                  struct error *error);
/* A directory; one that is there gets the attributes and keeps what is in it. */
bool changes_make_directory(struct changes *changes, const char *path,
                            const struct change_attributes *attributes,
                            struct error *error);
bool changes_symlink(struct changes *changes, const char *path, struct text target,
                     const struct change_attributes *attributes, struct error *error);
/* A device, FIFO or socket: mode says which. */
bool changes_special(struct changes *changes, const char *path, int64_t device,
                     const struct change_attributes *attributes, struct error *error);
/* Of attributes only WHICH (bits of enum change_attribute); of all names of a file. */
bool changes_set_attributes(struct changes *changes, const char *path, unsigned int which,
                            const struct change_attributes *attributes,
                            struct error *error);
/* A path and, if it is a directory, all that is below it. */
bool changes_remove(struct changes *changes, const char *path, struct error *error);
/* All of PATHS (array of const char *); ABSENT is told of those that are not there. */
bool changes_remove_all(struct changes *changes, const apr_array_header_t *paths,
                        void (*absent)(void *baton, const char *path), void *baton,
                        struct error *error);
/* Make the directory at PATH a nested catalog, by an empty file that belongs to UID and
 * GID, if it has none, and wait for it. */
bool changes_put_marker(struct changes *changes, const char *path, int64_t uid,
                        int64_t gid, struct error *error);
/* As rename(2): what is at TO is replaced if it is of the same kind, a directory only if
 * it is empty; if both are names of one file nothing happens. A file that leaves the
 * directory of its other names becomes one of its own. */
bool changes_move(struct changes *changes, const char *from, const char *to,
                  struct error *error);

/* A path in the store for a file that is needed meanwhile; removed with POOL. */
bool changes_scratch_path(const char **path, struct changes *changes, apr_pool_t *pool,
                          struct error *error);

/* Put the markers that the rules in /.cvmfsdirtab ask for where this change set made or
 * moved directories or took a marker away, or everywhere if it changed the rules; wrong
 * ones are ERROR_BAD_FORMAT. Balance what will be new, if the target says so. Make the
 * next revision of all that was changed, durable when this returns. With no change at
 * all: no new revision, result->revision is the present one. Afterwards only
 * changes_abandon may follow. */
bool changes_commit(struct publish_result *result, struct changes *changes,
                    struct error *error);

/* Forget them; the pool of changes_begin does so, too. */
void changes_abandon(struct changes *changes);

#endif
