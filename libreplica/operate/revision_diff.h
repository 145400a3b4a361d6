/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two revisions of a repository. Nested catalogs that are the same
 * in both are never opened, so that this costs as much as the difference. */
#ifndef REPLICA_OPERATE_REVISION_DIFF_H
#define REPLICA_OPERATE_REVISION_DIFF_H

#include "libreplica/operate/revision_tree.h"

/* In what an entry differs; the reference's distinctions, and owners. */
enum revision_difference {
    DIFFERS_LINK_COUNT = 1 << 0,
    DIFFERS_SIZE = 1 << 1, /* not of directories */
    DIFFERS_MODE = 1 << 2,
    DIFFERS_TIME = 1 << 3,
    DIFFERS_SYMLINK = 1 << 4,
    DIFFERS_CONTENT = 1 << 5,
    DIFFERS_HARDLINK_GROUP = 1 << 6, /* it is in one, or no longer */
    DIFFERS_NESTED = 1 << 7,
    DIFFERS_CHUNKED = 1 << 8,
    DIFFERS_XATTRS = 1 << 9,
    DIFFERS_EXTERNAL = 1 << 10,
    DIFFERS_BIND_MOUNTPOINT = 1 << 11,
    DIFFERS_HIDDEN = 1 << 12,
    DIFFERS_DIRECT_IO = 1 << 13,
    DIFFERS_OWNER = 1 << 14
};

struct revision_diff_options {
    const struct hash *from, *to; /* root catalogs */
    int64_t max_catalog_bytes;
    const volatile int *stop; /* may be NULL */
    /* One entry, in order of paths; FROM is NULL if it was added, TO if it was removed:
     * what is in a directory comes after it if it was added, before it if it was removed.
     * "" is the root. Texts are valid during the call only. */
    bool (*visit)(void *baton, const char *path, const struct catalog_entry *from,
                  const struct catalog_entry *to, unsigned int differences,
                  struct error *error);
    void *baton;
};

/* What all catalogs together count. */
struct revision_counts {
    int64_t regular, symlink, directory, nested;
};

/* By how much TO has more of each (directories count once, although mountpoints have two
 * rows). False: those of revision_tree.h. */
bool revision_diff_counts(struct revision_counts *more, struct store *store,
                          const struct revision_diff_options *options, apr_pool_t *pool,
                          struct error *error);

/* False: the same, ERROR_CANCELLED, ERROR_TOO_LARGE (nested too deep), and what VISIT
 * says. */
bool revision_diff(struct store *store, const struct revision_diff_options *options,
                   apr_pool_t *pool, struct error *error);

#endif
