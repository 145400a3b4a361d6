/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of a storage tree, for a server that holds no store open: each call
 * opens one file by the tree's root. Source: cvmfs-format 6.1, stratum1-http-and-ops 1.3.
 */
#ifndef REPLICA_STORE_STORE_READ_H
#define REPLICA_STORE_STORE_READ_H

#include <stdbool.h>
#include <stdint.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/object.h"

/* A regular file, open for reading at its start. The caller closes the descriptor. */
struct store_read {
    int fd;
    int64_t size;
};

/* Open a file of the tree at ROOT. The root itself and its folder data may be symbolic
 * links, the file may not.
 * True: *file is set. False: *file untouched, ERROR_NOT_FOUND (also for whatever is not a
 * regular file), ERROR_PERMISSION, ERROR_IO. Thread-safe. */
bool store_read_object(struct store_read *file, const char *root,
                       const struct object *object, struct error *error);

/* Open .cvmfsalt-<object>. A link is followed only to the object's own path in the same
 * tree. */
bool store_read_alternative(struct store_read *file, const char *root,
                            const struct object *object, struct error *error);

/* Open NAME, one of the fixed names of cvmfs-format 6.1, in the root. */
bool store_read_named(struct store_read *file, const char *root, struct text name,
                      struct error *error);

/* Open NAME in info/v1 below the directory of all trees. It is the administrator's own
 * directory, so a link there is followed. */
bool store_read_info(struct store_read *file, const char *storage_dir, struct text name,
                     struct error *error);

#endif
