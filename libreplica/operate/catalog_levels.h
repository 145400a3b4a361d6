/* SPDX-License-Identifier: Apache-2.0 */
/* Walking trees of catalogs in the store level by level, each catalog once, in bounded
 * memory whatever their number. */
#ifndef REPLICA_OPERATE_CATALOG_LEVELS_H
#define REPLICA_OPERATE_CATALOG_LEVELS_H

#include "libreplica/base/sorted_records.h"
#include "libreplica/format/catalog.h"
#include "libreplica/format/partial_rules.h"
#include "libreplica/store/store.h"

/* One record for a catalog: digest, algorithm. */
#define CATALOG_KEY_SIZE (HASH_DIGEST_SIZE + 1)

void catalog_key_write(unsigned char key[CATALOG_KEY_SIZE], const struct hash *hash);
void catalog_key_read(struct hash *hash, const unsigned char key[CATALOG_KEY_SIZE]);

struct catalog_levels;

struct catalog_levels_options {
    struct store *store;
    int64_t max_catalog_bytes;
    size_t memory_bytes;
    const struct partial_rules *rules; /* nested catalogs to pass over; NULL: none */
    const volatile int *stop;          /* may be NULL; nonzero ends the walk */
    /* Trees whose root's digest is in here are not walked; may be NULL. */
    struct sorted_records *passed_over;
    /* A catalog, open at its beginning, without its nested ones.
     *   depth   of its mountpoint: 0 for roots, parents have less than children */
    bool (*visit)(void *baton, const struct hash *hash, unsigned int depth,
                  struct catalog *catalog, struct error *error);
    /* A catalog that is not in the store (*REASON is ERROR_NOT_FOUND) or is damaged. True
     * goes on without it. */
    bool (*lacks)(void *baton, const struct hash *hash, unsigned int depth,
                  const struct error *reason, struct error *error);
    void *baton;
};

/* POOL owns the walk. */
bool catalog_levels_create(struct catalog_levels **levels,
                           const struct catalog_levels_options *options, apr_pool_t *pool,
                           struct error *error);

bool catalog_levels_add_root(struct catalog_levels *levels, const struct hash *hash,
                             struct error *error);

/* Walk the trees of the roots added so far. Catalogs that an earlier run of this walk has
 * come to are not visited again. False: what visit and lacks return, ERROR_IO,
 * ERROR_NO_SPACE, ERROR_CANCELLED. */
bool catalog_levels_run(struct catalog_levels *levels, struct error *error);

/* Keys of all catalogs that were come to; valid while no run is going on. */
struct sorted_records *catalog_levels_seen(struct catalog_levels *levels);

/* The depth of a mountpoint: its number of components. */
unsigned int catalog_levels_depth(const char *path);

#endif
