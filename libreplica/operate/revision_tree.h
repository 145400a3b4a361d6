/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one revision of a repository from its store: which it is, its directories and
 * its catalogs. */
#ifndef REPLICA_OPERATE_REVISION_TREE_H
#define REPLICA_OPERATE_REVISION_TREE_H

#include <apr_tables.h>

#include "libreplica/format/catalog.h"
#include "libreplica/format/catalog_rules.h"
#include "libreplica/format/history.h"
#include "libreplica/store/repository.h"

/* The revision that NAME says: a tag, or `@` and the hash of a root catalog. The texts
 * are in POOL. False: ERROR_NOT_FOUND (no such tag, manifest or catalog), ERROR_USAGE (no
 * hash), ERROR_BAD_FORMAT, ERROR_IO. */
bool revision_find(struct tag *revision, struct store *store,
                   const struct repository *repository, const char *name,
                   apr_pool_t *pool, struct error *error);

/* The present one, of which name, time and description are unset. */
bool revision_find_head(struct tag *revision, struct store *store,
                        const struct repository *repository, apr_pool_t *pool,
                        struct error *error);

struct revision_tree;

/* Open the root catalog. A catalog inflates to at most LIMIT bytes. POOL owns *tree. All
 * functions fail with ERROR_NOT_FOUND (a catalog is missing), ERROR_BAD_FORMAT, ERROR_IO
 * and the like. */
bool revision_tree_open(struct revision_tree **tree, struct store *store,
                        const struct hash *root, int64_t limit, apr_pool_t *pool,
                        struct error *error);

/* Open the nested catalog at PATH, in which everything below PATH is looked for until it
 * is left again. */
bool revision_tree_enter(struct revision_tree *tree, const char *path,
                         struct error *error);
void revision_tree_leave(struct revision_tree *tree);

/* The hash of the nested catalog at PATH, in the catalog that was entered last; NULL if
 * there is none. */
const struct hash *revision_tree_nested(const struct revision_tree *tree,
                                        const char *path);
/* Those below that catalog (struct catalog_nested), in order of path. */
const apr_array_header_t *revision_tree_all_nested(const struct revision_tree *tree);

/* That catalog itself. */
struct catalog *revision_tree_catalog(const struct revision_tree *tree);

/* The entries of the directory PATH, by name, as an array of struct catalog_entry with
 * its texts in POOL. */
bool revision_tree_list(apr_array_header_t **entries, const struct revision_tree *tree,
                        const char *path, apr_pool_t *pool, struct error *error);

#endif
