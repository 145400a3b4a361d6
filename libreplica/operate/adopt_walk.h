/* SPDX-License-Identifier: Apache-2.0 */
/* Walking trees that belong to somebody who may change them meanwhile. */
#ifndef REPLICA_OPERATE_ADOPT_WALK_H
#define REPLICA_OPERATE_ADOPT_WALK_H

#include <sys/stat.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"

struct walk_entry {
    int parent;       /* descriptor of the folder that it is in, or of itself */
    const char *name; /* there; "." for the tree's top */
    const char *path; /* from the tree's top on */
    bool is_mount;    /* the top of another file system, which is not entered */
    struct stat status;
};

typedef bool walk_visit(void *baton, const struct walk_entry *entry, struct error *error);

/* Whether only an administrator can have made the symbolic link, so that it leads where
 * he wants. Nothing may ever give somebody else's link to him. */
bool walk_trusts(const struct stat *link);

/* Visit PATH and, unless IS_SHALLOW, everything below it on its file system. Symbolic
 * links are visited, never followed, but for two that administrators make: PATH itself
 * and the link `data` in it, if it is root's, or ours. What vanishes meanwhile is passed
 * over. False: ERROR_UNSUPPORTED (one of the two is somebody else's), ERROR_TOO_LARGE
 * (too deep), errors of reading, those of VISIT. */
bool walk_tree(const char *path, bool is_shallow, walk_visit *visit, void *baton,
               apr_pool_t *pool, struct error *error);

/* Visit INNER, a path as walk_tree gave it, if it is still there and can be reached by
 * the same rules. */
bool walk_one(const char *path, const char *inner, walk_visit *visit, void *baton,
              struct error *error);

#endif
