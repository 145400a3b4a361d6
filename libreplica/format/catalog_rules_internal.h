/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalog rules share; nobody else includes this. */
#ifndef REPLICA_FORMAT_CATALOG_RULES_INTERNAL_H
#define REPLICA_FORMAT_CATALOG_RULES_INTERNAL_H

#include "libreplica/format/catalog_internal.h"
#include "libreplica/format/catalog_rules.h"

struct judgement {
    struct catalog *catalog;
    struct path_hash root; /* of the catalog's own root */
    bool is_nested;
    catalog_visit_violation *visit;
    void *baton;
};

/* As the parameters ?1 and ?2. */
void judgement_bind_root(const struct judgement *judgement, sqlite3_stmt *statement);

/* catalog_paths.c: every row can be reached from the root by its name; mountpoints have
 * their row in a table, and the tables' rows their mountpoint. */
bool judge_paths(const struct judgement *judgement, apr_pool_t *pool,
                 struct error *error);
bool judge_mountpoints(const struct judgement *judgement, apr_pool_t *pool,
                       struct error *error);

/* catalog_counters.c: the stored counters of the catalog itself are right. */
bool judge_counters(const struct judgement *judgement, apr_pool_t *pool,
                    struct error *error);

#endif
