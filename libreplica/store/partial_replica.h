/* SPDX-License-Identifier: Apache-2.0 */
/* Partial replicas: the rules in the configuration, and those that the content of a tree
 * was made under.
 *
 * A catalog in the store vouches for its subtree only under the rules of the tree, which
 * are what is served to clients. From before the first catalog is stored under other ones
 * until none is left that was stored under the old ones, a marker says that no catalog is
 * to be trusted. Source: docs/formats.md. */
#ifndef REPLICA_STORE_PARTIAL_REPLICA_H
#define REPLICA_STORE_PARTIAL_REPLICA_H

#include "libreplica/format/partial_rules.h"
#include "libreplica/store/repository.h"
#include "libreplica/store/store.h"

/* The same bytes under both names: the second is what released clients ask for. */
#define PARTIAL_RULES_NAME        ".cvmfs_partial_replica"
#define PARTIAL_RULES_SECOND_NAME ".cvmfs_partial_replication"
#define PARTIAL_CHANGE_NAME       ".replica_rules_change"

/* The rules that the configuration names; *rules is NULL for a full replica. False:
 * ERROR_SETTING (no file is named), errors of reading it, ERROR_BAD_FORMAT. */
bool partial_replica_configured(struct partial_rules **rules,
                                const struct repository *repository, apr_pool_t *pool,
                                struct error *error);

/* The rules of the tree; *rules is NULL if it is a full one. False: ERROR_BAD_FORMAT,
 * also if its two copies differ, ERROR_IO. */
bool partial_replica_recorded(struct partial_rules **rules, struct store *store,
                              apr_pool_t *pool, struct error *error);

/* Whether the tree was made under RULES (may be NULL), to the byte, and completely. */
bool partial_replica_is_settled(bool *settled, struct store *store,
                                const struct partial_rules *rules, apr_pool_t *pool,
                                struct error *error);

/* Change the rules of the tree: begin, store what they include, record, remove catalogs
 * that do not fit them, end. */
bool partial_replica_begin(struct store *store, struct error *error);
bool partial_replica_record(struct store *store, const struct partial_rules *rules,
                            struct error *error);
bool partial_replica_end(struct store *store, struct error *error);

#endif
