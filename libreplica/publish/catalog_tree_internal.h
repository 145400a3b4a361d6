/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalog tree share; nobody else includes this. */
#ifndef REPLICA_PUBLISH_CATALOG_TREE_INTERNAL_H
#define REPLICA_PUBLISH_CATALOG_TREE_INTERNAL_H

#include <apr_hash.h>
#include "libreplica/publish/catalog_tree.h"

/* Where a catalog belongs; what an undone change brings back. */
struct tree_place {
    struct tree_catalog *parent;
    const char *path;
    struct catalog_counters counted; /* what the parent's counters have of it */
    bool is_changed;
    bool is_gone;
};

/* The file may have an older path in it: it is brought up to date when it is opened. */
struct tree_catalog {
    struct tree_place now, before;
    bool has_before;       /* it is part of the present change */
    bool is_being_changed; /* and its database, too */
    bool is_published;     /* as FIRST says */
    struct catalog_nested first;
    const char *file;              /* NULL before it was first opened */
    struct catalog_editor *editor; /* NULL while it is closed */
    int64_t last_used;
    apr_pool_t *pool; /* of file and editor */
};

/* A catalog of the present revision. */
struct tree_origin {
    struct hash hash;
    int64_t revision;
};

struct catalog_tree {
    struct publication *publication;
    apr_array_header_t *all; /* of struct tree_catalog *, without those that are gone */
    apr_array_header_t *touched; /* of the same, by the present change */
    apr_hash_t *by_path;
    apr_hash_t *origins; /* of struct tree_origin, by path */
    struct tree_catalog *root;
    bool is_rearranged; /* by the present change: BY_PATH is to be made anew */
    bool is_broken;     /* what was done is lost */
    struct error reason;
    const char *last_directory; /* whose catalog was last asked for; NULL: none */
    struct tree_catalog *last_found;
    int open_count;
    int64_t clock;
    apr_pool_t *pool;
    apr_pool_t *scratch; /* cleared whenever a catalog is looked for */
    apr_pool_t *change;  /* cleared when a change begins */
};

/* A catalog that was not known so far, not yet opened. */
struct tree_catalog *tree_add(struct catalog_tree *tree, struct tree_catalog *parent,
                              const char *path);
/* Remember how the catalog is now, if a change is going on. */
void tree_touch(struct catalog_tree *tree, struct tree_catalog *catalog);
void tree_index(struct catalog_tree *tree);
/* Open its database, the path in it made right. */
bool tree_open(struct catalog_tree *tree, struct tree_catalog *catalog,
               struct error *error);
/* Close one that is not being changed, if too many databases are open. */
bool tree_make_room(struct catalog_tree *tree, struct error *error);
/* The database was closed. */
void tree_closed(struct catalog_tree *tree, struct tree_catalog *catalog);
bool tree_is_at_or_below(const char *path, const char *directory);

#endif
