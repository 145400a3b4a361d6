/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the catalogs of a new revision share; nobody else includes this. */
#ifndef REPLICA_PUBLISH_CATALOGS_INTERNAL_H
#define REPLICA_PUBLISH_CATALOGS_INTERNAL_H

#include <apr_hash.h>
#include "libreplica/format/catalog_editor.h"
#include "libreplica/publish/catalogs.h"

struct open_catalog {
    struct open_catalog *parent;
    const char *mountpoint;
    const char *file;
    struct catalog_editor *editor;
    bool is_ruled;                 /* /.cvmfsdirtab asks for it */
    struct catalog_counters below; /* of all catalogs below this one */
    apr_hash_t *nested; /* of them, one by one: struct catalog_counters, by path;
                           only where catalogs are balanced */
    int64_t groups;     /* of hard links, so far */
    apr_pool_t *pool;
};

struct catalogs {
    struct publication *publication;
    const struct predecessors *predecessors;
    struct catalog_marks marks;
    int64_t revision;
    struct publish_result *result;
    struct open_catalog *innermost;
    struct content *empty; /* of markers, made when first needed */
    apr_pool_t *pool;
};

/* An empty database for the catalog of PATH; it is the innermost one from now on. */
bool catalogs_begin(struct open_catalog **begun, struct catalogs *catalogs,
                    const char *path, struct error *error);
/* Store the innermost one, or find that its predecessor will do, and register it in its
 * parent. */
bool catalogs_finish(struct catalogs *catalogs, struct catalog_nested *root,
                     struct error *error);

/* A catalog below CATALOG, at PATH, amounts to so much. */
void catalogs_count_nested(struct catalogs *catalogs, struct open_catalog *catalog,
                           const char *path, const struct catalog_counters *counters);

/* catalogs_balance.c: divide the innermost one, and, if it has become too light, give all
 * of it to its parent: then *gone. */
bool catalogs_balance(bool *gone, struct catalogs *catalogs, struct error *error);

#endif
