/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in the present revision of a tree, for who changes nothing. */
#ifndef REPLICA_STORE_TREE_VIEW_H
#define REPLICA_STORE_TREE_VIEW_H

#include "libreplica/format/catalog.h"
#include "libreplica/store/store.h"

struct tree_view;

/* Of the root catalog that the manifest names, which is our own: its signature is not
 * checked. Catalogs are opened, and stay open, when they are needed. POOL owns it. False:
 * ERROR_NOT_FOUND (no manifest), ERROR_BAD_FORMAT, ERROR_IO. One thread at a time. */
bool tree_view_open(struct tree_view **view, struct store *store, apr_pool_t *pool,
                    struct error *error);

/* Whether its revision is still the present one. */
bool tree_view_is_current(const struct tree_view *view, bool *is_current,
                          apr_pool_t *pool, struct error *error);

/* What is at PATH ("" is the root); the entry's texts live until the next call. */
bool tree_view_find(struct tree_view *view, bool *found, struct catalog_entry *entry,
                    const char *path, struct error *error);
/* The entries of a directory, by name. */
bool tree_view_list(struct tree_view *view, const char *path, catalog_visit_entry *visit,
                    void *baton, struct error *error);
/* The chunks of a file, by offset. */
bool tree_view_chunks(struct tree_view *view, const char *path,
                      catalog_visit_chunk *visit, void *baton, struct error *error);

#endif
