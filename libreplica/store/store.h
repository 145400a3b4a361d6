/* SPDX-License-Identifier: Apache-2.0 */
/* The object store of one repository: the only code that builds paths below a storage
 * tree.
 *
 * An object appears by rename from the temporary folder, complete and hashed, or not at
 * all. Small files (manifest, whitelist, status, markers) are replaced whole. Source:
 * cvmfs-format 6.1, design 4 and 6. */
#ifndef REPLICA_STORE_STORE_H
#define REPLICA_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/object.h"

struct store;

/* A file being written in the temporary folder. */
struct store_file;

struct store_status {
    int64_t size;
    apr_time_t changed; /* ctime: when it got its name */
};

/* Open the tree at ROOT (e.g. /srv/cvmfs/sw.example.net). TEMPORARY is its folder for
 * temporary files on the same file system (NULL: <root>/data/txn). Nothing is written.
 *   pool   owns *store and its descriptors
 * False: ERROR_NOT_FOUND, ERROR_PERMISSION, ERROR_IO. One thread at a time may write. */
bool store_open(struct store **store, const char *root, const char *temporary,
                apr_pool_t *pool, struct error *error);

/* A second handle on the same tree, for another thread to write with; it uses the
 * descriptors of STORE, which must outlive it. Not thread-safe itself. */
bool store_share(struct store **sibling, struct store *store, apr_pool_t *pool,
                 struct error *error);

/* The tree's root, for messages. */
const char *store_root(const struct store *store);
/* Its folder for temporary files, for those who need one without a name. */
const char *store_temporary(const struct store *store);

/* Make a tree: data/00..ff and the temporary folder. What exists is left. */
bool store_create(const char *root, apr_pool_t *pool, struct error *error);
/* Give a tree that store_create has just made, and nobody else could write to so far, to
 * a user. */
bool store_give(const char *root, unsigned int uid, apr_pool_t *pool,
                struct error *error);
/* Whether a user owns the tree's root, its folders and the small files that the publisher
 * replaces, as far as they are there. False: ERROR_PERMISSION (names the first one that
 * belongs to somebody else), ERROR_NOT_FOUND (there is no tree), ERROR_IO. */
bool store_check_owner(const char *root, unsigned int uid, apr_pool_t *pool,
                       struct error *error);
/* Remove the whole tree. */
bool store_destroy(const char *root, apr_pool_t *pool, struct error *error);

/* Write an object or a file: begin, write..., commit or abort. ALGORITHM is what is
 * hashed while writing. The file is freed by commit or abort, or with POOL. */
bool store_begin(struct store_file **file, struct store *store,
                 enum hash_algorithm algorithm, apr_pool_t *pool, struct error *error);
bool store_write(struct store_file *file, const void *bytes, size_t length,
                 struct error *error);
/* Forget everything written so far (a transfer starts over). */
bool store_rewind(struct store_file *file, struct error *error);
/* Write out what is buffered and give the hash and size of the file so far. After it,
 * only store_descriptor, commit and abort may follow. */
bool store_finish(struct store_file *file, struct hash *hash, int64_t *size,
                  struct error *error);
/* A descriptor of the finished file to read it back, at its start; valid until
 * store_park, commit or abort. */
bool store_descriptor(int *fd, struct store_file *file, struct error *error);
/* A finished file may have to wait long for its name: give up its descriptor meanwhile.
 */
bool store_park(struct store_file *file, struct error *error);
/* Name the finished file. The caller has compared the hash; it is asserted again here.
 * The only moment an object becomes visible. */
bool store_commit(struct store_file *file, const struct object *object,
                  struct error *error);
/* The same, but an object of this name and SIZE that is there stays: what is published
 * may rely on it, and until the next barrier a crash could leave the new file without its
 * bytes. Only after a stale dirty marker was dealt with. */
bool store_commit_new(struct store_file *file, const struct object *object, int64_t size,
                      struct error *error);
void store_abort(struct store_file *file);
/* As store_commit for a file of the repository's root that is too large for
 * store_replace: it is synced before the rename and the folder after it. */
bool store_commit_as(struct store_file *file, const char *name, struct error *error);

/* A path in the temporary folder that SQLite may use as it likes; removed with POOL. */
bool store_scratch_path(const char **path, struct store *store, apr_pool_t *pool,
                        struct error *error);

/* *found false: there is no such object (not an error). */
bool store_stat(struct store *store, const struct object *object,
                struct store_status *status, bool *found, struct error *error);
/* An open descriptor for reading, or ERROR_NOT_FOUND. The caller closes it. */
bool store_open_object(int *fd, struct store *store, const struct object *object,
                       struct error *error);
bool store_remove(struct store *store, const struct object *object, struct error *error);
/* Move an object's file out of the tree, into the folder STORE_QUARANTINE of the
 * temporary folder, where nothing serves it; one of the same name there is replaced. One
 * that is not there is no error. */
#define STORE_QUARANTINE "quarantine"
bool store_quarantine(struct store *store, const struct object *object,
                      struct error *error);
/* The same for one that was found damaged while others may write: if its bytes turn out
 * to be right by now, it gets its name back. */
bool store_quarantine_damaged(struct store *store, const struct object *object,
                              struct error *error);
/* Remove what was moved there, once the object is there again. */
bool store_drop_quarantined(struct store *store, const struct object *object,
                            struct error *error);
/* Read an object wholly and compare its hash: *intact. Missing is not intact. */
bool store_verify(struct store *store, const struct object *object, bool *intact,
                  struct error *error);

/* Folders of objects: data/00 to data/ff. */
#define STORE_FOLDERS 256

/* Visit all objects of one of the folders (from 0), in no order. Names that are no
 * objects are passed over. */
typedef bool store_visit(void *baton, const struct object *object,
                         const struct store_status *status, struct error *error);
bool store_list(struct store *store, unsigned int folder, store_visit *visit, void *baton,
                struct error *error);

/* The same for those of one type only, without their status: in a large tree that is much
 * quicker. */
typedef bool store_visit_name(void *baton, const struct object *object,
                              struct error *error);
bool store_list_type(struct store *store, unsigned int folder, enum object_type type,
                     store_visit_name *visit, void *baton, struct error *error);

/* Replace a small file in the repository's root, whole, synced before the rename and the
 * folder after it. NAME is one of the fixed names of cvmfs-format 6.1. */
bool store_replace(struct store *store, const char *name, struct text content,
                   struct error *error);
bool store_read(struct text *content, struct store *store, const char *name,
                int64_t limit, apr_pool_t *pool, struct error *error);
/* A descriptor for reading; the caller closes it. */
bool store_open_file(int *fd, struct store *store, const char *name, struct error *error);
bool store_remove_file(struct store *store, const char *name, struct error *error);
bool store_stat_file(struct store *store, const char *name, struct store_status *status,
                     bool *found, struct error *error);
/* Point .cvmfsalt-<object> at the object. Source: cvmfs-format 1.4. */
bool store_link_alternative(struct store *store, const struct object *object,
                            struct error *error);

/* Everything written so far is durable when this returns; one syncfs(2) of the tree. */
bool store_barrier(struct store *store, struct error *error);
/* CVMFS_SYNCFS_LEVEL=none: barriers and the syncs of small files do nothing from now on.
 */
void store_disable_barriers(struct store *store);

/* Free space as a writer may use it. */
bool store_space(struct store *store, int64_t *bytes, int64_t *inodes,
                 struct error *error);
/* Remove left-over temporary files; only while holding the repository's update lock. */
bool store_clean_temporary(struct store *store, struct error *error);

#endif
