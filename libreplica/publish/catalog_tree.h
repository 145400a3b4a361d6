/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogs that a change set touches: scratch copies of the present ones, opened when
 * they are needed, found by path. Source: cvmfs-format 7.2, 7.7. */
#ifndef REPLICA_PUBLISH_CATALOG_TREE_H
#define REPLICA_PUBLISH_CATALOG_TREE_H

#include "libreplica/format/catalog_editor.h"
#include "libreplica/publish/publication.h"

struct catalog_tree;

/* One of them; as long as the tree, even if it is no part of it any more. */
struct tree_catalog;

/* ROOT is the present root catalog; a hash that is not stored is ERROR_IO. POOL owns the
 * tree and its scratch files. One thread at a time; few databases are open at once. */
bool catalog_tree_create(struct catalog_tree **tree, struct publication *publication,
                         const struct catalog_nested *root, apr_pool_t *pool,
                         struct error *error);

/* Around everything that changes the tree: what was done since begin is kept, or undone
 * if it did not go well. Returns false if it did not, or cannot be kept. */
void catalog_tree_begin(struct catalog_tree *tree);
bool catalog_tree_end(struct catalog_tree *tree, bool went_well, struct error *error);

/* The catalog of what is in the directory at PATH, whether there is one or not. */
bool catalog_tree_find(struct tree_catalog **catalog, struct catalog_tree *tree,
                       const char *path, struct error *error);

/* The path of its root, and the catalog above it, NULL for the root catalog. */
const char *tree_catalog_path(const struct tree_catalog *catalog);
struct tree_catalog *tree_catalog_parent(const struct tree_catalog *catalog);

/* To read it, valid until the next call with another catalog; or, within a change, to
 * write it, valid until the change ends. */
bool tree_catalog_read(struct catalog_editor **editor, struct catalog_tree *tree,
                       struct tree_catalog *catalog, struct error *error);
bool tree_catalog_edit(struct catalog_editor **editor, struct catalog_tree *tree,
                       struct tree_catalog *catalog, struct error *error);

/* Make the directory at PATH, in CATALOG, a nested catalog. */
bool catalog_tree_split(struct catalog_tree *tree, struct tree_catalog *catalog,
                        const char *path, struct error *error);
/* Give everything in CATALOG to its parent. */
bool catalog_tree_merge(struct catalog_tree *tree, struct tree_catalog *catalog,
                        struct error *error);
/* The nested catalogs of CATALOG at PATH or below it go; or they move, with all below
 * them, from one catalog into another and from OLD_PATH to NEW_PATH. The rows of FROM and
 * TO themselves are the caller's. */
bool catalog_tree_forget(struct catalog_tree *tree, struct tree_catalog *catalog,
                         const char *path, struct error *error);
bool catalog_tree_move(struct catalog_tree *tree, struct tree_catalog *to,
                       struct tree_catalog *from, const char *new_path,
                       const char *old_path, struct error *error);

/* Those that catalog_tree_store is going to store, of struct tree_catalog *, children
 * first: what has changed and what is above it. */
void catalog_tree_list_changed(apr_array_header_t **catalogs, struct catalog_tree *tree,
                               apr_pool_t *pool);

/* Finish and store the catalogs that have changed, children first, the root's with
 * REVISION. *root is as it was if nothing has. RESULT is filled but for the revision.
 * Nothing else may follow. */
bool catalog_tree_store(struct catalog_nested *root, struct catalog_tree *tree,
                        int64_t revision, struct publish_result *result,
                        struct error *error);

#endif
