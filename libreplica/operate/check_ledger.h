/* SPDX-License-Identifier: Apache-2.0 */
/* What a check knows of the catalogs it met, in a database of its own: there may be
 * millions. */
#ifndef REPLICA_OPERATE_CHECK_LEDGER_H
#define REPLICA_OPERATE_CHECK_LEDGER_H

#include "libreplica/format/catalog_rules.h"

struct check_ledger;

struct check_ledger_entry {
    int64_t id; /* from 1, in the order of entering */
    struct hash hash;
    const char *path; /* where the catalog is expected */
    int64_t size;     /* bytes inflated; 0 unknown */
    bool is_nested;
    bool is_judged; /* its rules count, not only what it refers to */
};

/* A new one at PATH, which must not exist. POOL owns it. */
bool check_ledger_create(struct check_ledger **ledger, const char *path, apr_pool_t *pool,
                         struct error *error);

/* Enter a catalog to be read. One that is there already keeps its entry; *entry->id is
 * set, and *known_path to the path that it was entered with, in POOL. */
bool check_ledger_add(struct check_ledger *ledger, struct check_ledger_entry *entry,
                      const char **known_path, apr_pool_t *pool, struct error *error);
/* The next one in that order; once each. */
bool check_ledger_next(struct check_ledger *ledger, struct check_ledger_entry *entry,
                       bool *more, apr_pool_t *pool, struct error *error);
bool check_ledger_has(struct check_ledger *ledger, const struct hash *hash, bool *found,
                      struct error *error);
/* "" if the number is not one of a catalog. */
bool check_ledger_path(const char **path, struct check_ledger *ledger, int64_t id,
                       apr_pool_t *pool, struct error *error);

/* What reading it gave: its root's row in words, its counters. */
bool check_ledger_note(struct check_ledger *ledger, int64_t id, const char *row,
                       const struct catalog_statistics *counters, struct error *error);
/* PARENT leads to CHILD; ROW is the mountpoint's in words, or NULL. CHILD 0 stands for
 * one that is not looked at. */
bool check_ledger_link(struct check_ledger *ledger, int64_t parent, int64_t child,
                       const char *row, struct error *error);

/* Something that the catalog refers to is missing for good. */
bool check_ledger_spoil(struct check_ledger *ledger, int64_t id, struct error *error);
/* Whether nothing is missing in the catalog nor in any below it. */
bool check_ledger_is_whole(bool *whole, struct check_ledger *ledger, int64_t id,
                           struct error *error);

/* What only several catalogs together can break: mountpoints and roots that differ, sums
 * of counters. Only catalogs that were judged are looked at. */
bool check_ledger_judge(struct check_ledger *ledger, catalog_visit_violation *visit,
                        void *baton, apr_pool_t *pool, struct error *error);

#endif
