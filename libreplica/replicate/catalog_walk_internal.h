/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalog walk share; nobody else includes this. */
#ifndef REPLICA_REPLICATE_CATALOG_WALK_INTERNAL_H
#define REPLICA_REPLICATE_CATALOG_WALK_INTERNAL_H

#include <apr_hash.h>

#include "libreplica/format/catalog.h"
#include "libreplica/replicate/catalog_walk.h"
#include "libreplica/replicate/object_transfer.h"

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
    int64_t size; /* bytes inflated, 0 unknown */
    char *path;   /* mountpoint */
    bool is_optional;
    bool is_stored; /* has its name already; only its subtree is in doubt */
    int pending;    /* reasons why it is not complete */
    struct walk_waiter *waiters;
    struct object_transfer transfer; /* of the catalog itself */
    struct catalog *database;        /* while being read */
    apr_pool_t *pool;                /* while being read */
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
    apr_hash_t *catalogs;            /* struct hash -> struct walk_catalog */
    apr_hash_t *objects;             /* struct object -> struct walk_object */
    apr_hash_t *skipped;             /* struct hash of optional roots that are gone */
    apr_hash_t *stored;              /* struct hash of what is complete; after a crash */
    struct walk_catalog *to_do;      /* stack: depth first, so little waits for long */
    struct walk_catalog *being_read; /* queue head: their objects are asked for */
    struct walk_catalog *ready;      /* complete, to be named */
    int opening;                     /* catalogs being fetched or read */
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

/* walk_catalog.c: somebody (PARENT, NULL for a root) needs a catalog. */
bool walk_need_catalog(struct catalog_walk *walk, struct walk_catalog *parent,
                       const struct hash *hash, const char *path, int64_t size,
                       bool optional, struct error *error);
void walk_begin_catalog(struct walk_catalog *catalog);
/* All of its objects were asked for. */
void walk_end_reading(struct walk_catalog *catalog);
void walk_name_ready(struct catalog_walk *walk);

/* walk_object.c: take the next reference out of the catalogs being read; *more is false
 * if there is none. An object that the store lacks is asked for. */
bool walk_next_object(struct catalog_walk *walk, bool *more, struct error *error);

/* Waiting on somebody else's work. */
void walk_wait(struct catalog_walk *walk, struct walk_waiter **waiters,
               struct walk_catalog *catalog);
void walk_wake(struct catalog_walk *walk, struct walk_waiter **waiters);

#endif
