/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalog walk share; nobody else includes this. */
#ifndef REPLICA_REPLICATE_CATALOG_WALK_INTERNAL_H
#define REPLICA_REPLICATE_CATALOG_WALK_INTERNAL_H

#include <apr_hash.h>

#include "libreplica/format/catalog.h"
#include "libreplica/replicate/catalog_walk.h"
#include "libreplica/replicate/object_transfer.h"
#include "libreplica/replicate/object_window.h"

/* One that waits: CATALOG is not complete before what holds this cell is. */
struct walk_waiter {
    struct walk_waiter *next;
    struct walk_catalog *catalog;
};

/* A catalog from the moment somebody refers to it until its subtree is complete. */
struct walk_catalog {
    struct catalog_walk *walk;
    struct walk_catalog *next; /* in the list it is in: to do, being read, ready */
    struct hash hash;
    int64_t size;            /* bytes inflated, 0 unknown */
    char *path;              /* mountpoint */
    struct hash predecessor; /* null: none, or not to be trusted */
    bool is_optional;
    bool is_stored; /* has its name already; only its subtree is in doubt */
    int pending;    /* reasons why it is not complete */
    struct walk_waiter *waiters;
    struct object_transfer transfer; /* of the catalog itself */
    int64_t bytes;                   /* counted in opening_bytes */
    /* While it is being read: */
    apr_pool_t *pool;         /* owns the two inflated files and databases */
    const char *file;         /* inflated */
    struct catalog *database; /* NULL while it waits for its turn */
    const char *old_path;     /* the predecessor, inflated; NULL if there is none */
    struct catalog *old;
    int64_t rows, old_rows; /* references read of both */
    int64_t drift;          /* how much further the predecessor had the same */
};

/* Somebody needs a catalog. */
struct walk_need {
    struct walk_catalog *parent; /* NULL for a root */
    struct hash hash;
    const char *path;
    int64_t size; /* bytes inflated, 0 unknown */
    struct hash predecessor;
    bool is_optional;
};

/* A data object under way. */
struct walk_object {
    struct catalog_walk *walk;
    struct walk_object *next_spare;
    struct walk_waiter *waiters;
    struct object_transfer transfer;
};

struct catalog_walk {
    struct catalog_walk_options options;
    apr_pool_t *pool;
    apr_hash_t *catalogs;       /* struct hash -> struct walk_catalog */
    apr_hash_t *objects;        /* struct object -> struct walk_object */
    apr_hash_t *skipped;        /* struct hash of optional roots that are gone */
    apr_hash_t *stored;         /* struct hash of what is complete, while others are in
                                   doubt: after a crash, after other rules */
    struct walk_catalog *to_do; /* stack: depth first, so little waits for long */
    struct walk_catalog *being_read; /* queue head: their objects are asked for */
    struct walk_catalog *ready;      /* complete, to be named */
    int opening;                     /* catalogs being fetched or read */
    int64_t opening_bytes;           /* of these, inflated, predecessors included */
    int open_databases;              /* catalogs being read whose databases are open */
    struct object_window *window;    /* of the predecessor of the catalog being read */
    struct walk_catalog *window_of;
    struct walk_waiter *spare_waiters;
    struct walk_object *spare_objects;
    struct catalog_walk_counters counters;
    int commits_until_space_check;
    bool has_failed; /* FIRST_ERROR is set */
    bool must_stop;  /* nothing more can succeed */
    struct error first_error;
};

/* catalog_walk.c */
void walk_fail(struct catalog_walk *walk, const struct error *error);
bool walk_check_space(struct catalog_walk *walk, struct error *error);

/* walk_catalog.c */
bool walk_need_catalog(struct catalog_walk *walk, const struct walk_need *need,
                       struct error *error);
void walk_begin_catalog(struct walk_catalog *catalog);
/* It is the catalog's turn to be asked for its objects. */
bool walk_reopen_catalog(struct walk_catalog *catalog, struct error *error);
/* So much of a catalog that is being fetched or read is, or will be, inflated. */
void walk_count_bytes(struct walk_catalog *catalog, int64_t bytes);
/* All of its objects were asked for. */
void walk_end_reading(struct walk_catalog *catalog);
void walk_name_ready(struct catalog_walk *walk);

/* walk_predecessor.c: open what a catalog is compared with, if there is any. */
void walk_open_predecessor(struct walk_catalog *catalog);
/* Ask for the nested catalogs that the predecessor does not have. */
bool walk_need_nested(struct walk_catalog *catalog, struct error *error);
/* Whether the predecessor refers to OBJECT too; to be asked for each object, in order. */
bool walk_predecessor_has(struct walk_catalog *catalog, const struct object *object);

/* walk_object.c: take the next reference out of the catalogs being read; *more is false
 * if there is none. An object that the store lacks is asked for. */
bool walk_next_object(struct catalog_walk *walk, bool *more, struct error *error);

/* Waiting on somebody else's work. */
void walk_wait(struct catalog_walk *walk, struct walk_waiter **waiters,
               struct walk_catalog *catalog);
void walk_wake(struct catalog_walk *walk, struct walk_waiter **waiters);

#endif
