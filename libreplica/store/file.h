/* SPDX-License-Identifier: Apache-2.0 */
/* Small files outside the storage trees: spool, configuration, keys, logs. */
#ifndef REPLICA_STORE_FILE_H
#define REPLICA_STORE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Read a whole regular file of at most LIMIT bytes. */
bool file_read(struct text *content, const char *path, int64_t limit, apr_pool_t *pool,
               struct error *error);

/* The same of a private key or a password: ERROR_PERMISSION if others than its owner may
 * read or change it. */
bool file_read_secret(struct text *content, const char *path, int64_t limit,
                      apr_pool_t *pool, struct error *error);

/* Make a new file; ERROR_EXISTS if there is one. MODE is reduced by the umask. */
bool file_write(const char *path, struct text content, unsigned int mode,
                struct error *error);

/* write(2) until all is written; WHAT names it. */
bool file_write_all(int fd, const void *bytes, size_t length, const char *what,
                    struct error *error);

/* Inflate what descriptor FROM has left into a new file at PATH; *size is set to its
 * bytes. Errors: those of inflate_file, and of making the file. */
bool file_inflate(int64_t *size, const char *path, int from, int64_t limit,
                  struct error *error);

/* Replace a file whole, by a synced temporary file beside it and rename; the folder is
 * synced too. MODE is exact. */
bool file_replace(const char *path, struct text content, unsigned int mode,
                  apr_pool_t *pool, struct error *error);

/* Put the file FROM, complete and synced, in the place of PATH in the same folder, which
 * is synced too. */
bool file_rename(const char *path, const char *from, apr_pool_t *pool,
                 struct error *error);

/* Make a directory and its missing parents; one that is there is left. */
bool file_make_directory(const char *path, unsigned int mode, apr_pool_t *pool,
                         struct error *error);

/* Append the paths in FOLDER that end in SUFFIX, of const char *, sorted. */
bool file_list(apr_array_header_t *paths, const char *folder, const char *suffix,
               apr_pool_t *pool, struct error *error);

/* Remove a file or a directory with all that is in it; what is not there is gone already.
 * A symbolic link is removed, never followed, also if somebody puts one there meanwhile:
 * safe to use as root on a tree that belongs to somebody else. */
bool file_remove_tree(const char *path, struct error *error);

#endif
