/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogs of a new revision while they are filled: one open for each level. */
#ifndef REPLICA_PUBLISH_CATALOGS_H
#define REPLICA_PUBLISH_CATALOGS_H

#include "libreplica/publish/content.h"
#include "libreplica/publish/predecessors.h"

/* What lstat(2) and its like said about one path. */
struct row {
    const char *path; /* from the repository's root: "" or "/a/b" */
    unsigned int mode;
    int64_t uid;
    int64_t gid;
    int64_t size;
    int64_t mtime_seconds;
    int64_t link_count; /* of a directory */
    bool is_ruled;      /* /.cvmfsdirtab asks for a catalog there */
    struct text symlink;
    struct text xattr;
    struct content *content; /* of a regular file, made; else NULL */
};

struct catalogs;

/* PREDECESSORS may be NULL: there is no present revision. MARKS and REVISION are the new
 * one's. */
struct catalogs *catalogs_create(struct publication *publication,
                                 const struct predecessors *predecessors,
                                 const struct catalog_marks *marks, int64_t revision,
                                 struct publish_result *result, apr_pool_t *pool);

/* Open the root catalog, or a nested one below the open ones, at directory ROW. */
bool catalogs_open(struct catalogs *catalogs, const struct row *row, struct error *error);

/* Enter a row that is no catalog's root into the innermost catalog. */
bool catalogs_add(struct catalogs *catalogs, const struct row *row, struct error *error);

/* Finish the innermost catalog: balance it, if the target says so, keep its predecessor
 * if nothing changed, else store it, and register it in its parent. *root is set when it
 * was the root catalog. */
bool catalogs_close(struct catalogs *catalogs, struct catalog_nested *root,
                    struct error *error);

#endif
