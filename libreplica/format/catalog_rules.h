/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a catalog valid, beyond being readable. Source: cvmfs-format 4.5, 4.7, 4.10,
 * 4.12. */
#ifndef REPLICA_FORMAT_CATALOG_RULES_H
#define REPLICA_FORMAT_CATALOG_RULES_H

#include "libreplica/format/catalog_counters.h"

/* PATH, "" for the repository's root, breaks a rule that SENTENCE says. */
typedef bool catalog_visit_violation(void *baton, const char *path, const char *sentence,
                                     struct error *error);

/* Call VISIT for what breaks a rule in CATALOG, itself and alone: its rows, its chunks,
 * its tables of mountpoints, its counters of itself; of each rule at most
 * CATALOG_RULE_EXAMPLES times. Memory does not grow with the number of rows.
 *   is_nested   another catalog leads to it
 * False: ERROR_BAD_FORMAT (it cannot be read to its end), or VISIT's error. */
#define CATALOG_RULE_EXAMPLES 100
bool catalog_judge(struct catalog *catalog, bool is_nested,
                   catalog_visit_violation *visit, void *baton, apr_pool_t *pool,
                   struct error *error);

/* The counters of the table statistics, as stored. */
struct catalog_statistics {
    bool has[CATALOG_COUNTERS]; /* both rows exist: older catalogs lack some */
    int64_t self[CATALOG_COUNTERS];
    int64_t subtree[CATALOG_COUNTERS]; /* all catalogs below, this one not among them */
};
bool catalog_read_statistics(struct catalog_statistics *counters, struct catalog *catalog,
                             apr_pool_t *pool, struct error *error);

/* A row in words: everything that a mountpoint's row and the row of the nested catalog's
 * root have in common. *words is NULL if there is no such row. */
bool catalog_describe_row(const char **words, struct catalog *catalog, const char *path,
                          apr_pool_t *pool, struct error *error);

#endif
