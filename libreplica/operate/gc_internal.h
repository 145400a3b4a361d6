/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps of garbage collection share; nobody else includes this. */
#ifndef REPLICA_OPERATE_GC_INTERNAL_H
#define REPLICA_OPERATE_GC_INTERNAL_H

#include <apr_tables.h>

#include "libreplica/base/sorted_records.h"
#include "libreplica/format/reflog.h"
#include "libreplica/operate/catalog_levels.h"
#include "libreplica/operate/gc.h"
#include "libreplica/operate/gc_journal.h"

/* What the sets may take; together, with SQLite and zlib, it stays below 64 MiB. */
#define GC_LARGE_SET_BYTES ((size_t)16 << 20)
#define GC_SMALL_SET_BYTES ((size_t)2 << 20)

/* A catalog to be removed: depth in two bytes, key. */
#define GC_RANKED_SIZE (2 + CATALOG_KEY_SIZE)
/* An object that may have to go: digest, algorithm, type. */
#define GC_CANDIDATE_SIZE (HASH_DIGEST_SIZE + 2)

struct gc {
    const struct gc_options *options;
    struct gc_result *result;
    struct store *store;
    apr_pool_t *pool;
    struct manifest *manifest;
    struct hash manifest_hash; /* of its bytes */
    struct reflog *reflog;     /* a working copy, only read */
    apr_array_header_t *tags;  /* of struct tag; their roots that are here are kept */
    int64_t oldest_seconds;    /* the least age of the kept roots; tags do not count */
    int64_t in_use_seconds;    /* what came then or later may be in use */
    struct sorted_records *marked; /* digests of all that is kept */
    struct catalog_levels *condemned_trees;
    struct sorted_records *catalogs;   /* that go, ranked */
    struct sorted_records *candidates; /* that go unless they are marked */
    apr_array_header_t *auxiliary;     /* of struct object, that go */
    bool is_clean;                     /* nothing has to go */
};

void gc_say(const struct gc *gc, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* gc_mark.c: fill `marked`, `oldest_seconds` and `in_use_seconds`. */
bool gc_mark(struct gc *gc, struct error *error);

/* gc_condemn.c: fill `catalogs`, `candidates`, `auxiliary`. */
bool gc_condemn(struct gc *gc, struct error *error);

/* Visit all that goes, in the order in which it has to; counts what it visits. */
typedef bool gc_condemned_visit(void *baton, enum gc_section section, unsigned int depth,
                                const struct object *object, struct error *error);
bool gc_each_condemned(struct gc *gc, gc_condemned_visit *visit, void *baton,
                       struct error *error);

#endif
