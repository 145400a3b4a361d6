/* SPDX-License-Identifier: Apache-2.0 */
/* Garbage collection of one storage tree: what old revisions alone refer to is removed.
 *
 * Everything that kept revisions refer to is marked in a set that is sorted on disk; what
 * the other roots in the reflog refer to, less that, is written to a journal and then
 * removed. Memory is bounded whatever the size. Source: cvmfs-format 6.9. */
#ifndef REPLICA_OPERATE_GC_H
#define REPLICA_OPERATE_GC_H

#include "libreplica/format/partial_rules.h"
#include "libreplica/operate/gc_keep.h"
#include "libreplica/store/store.h"

struct gc_options {
    const char *fqrn;
    const char *reflog_checksum_file; /* in the spool */
    struct gc_keep keep;
    const struct partial_rules *rules; /* that the tree was made under; NULL: none */
    bool dry_run;                      /* only find out */
    bool lists;                        /* say the name of each object */
    const char *deletion_log;          /* a file; "": none */
    int64_t max_catalog_bytes;
    const volatile int *stop;                   /* may be NULL */
    void (*say)(void *baton, const char *line); /* may be NULL */
    void *baton;
};

struct gc_result {
    int64_t roots_kept;    /* the head and its predecessors; tags are not among them */
    int64_t catalogs_kept; /* with those of tags */
    int64_t references;    /* of kept catalogs to objects, counted each time */
    int64_t roots_condemned;
    int64_t catalogs_condemned;
    int64_t leftovers;         /* catalogs among them that no root leads to */
    int64_t objects_condemned; /* data */
    int64_t auxiliary_condemned;
    bool has_rebuilt_reflog;
};

/* Collect. The caller holds the repository's locks; nobody else writes.
 * False, and nothing is removed: ERROR_REFUSED (the manifest does not allow it),
 * ERROR_BAD_HASH (the reflog does not match its checksum), ERROR_NOT_FOUND (no manifest,
 * a dry run without a reflog, a catalog of the head or of a tag is missing),
 * ERROR_BAD_FORMAT (one is damaged), ERROR_NO_SPACE, ERROR_IO. After ERROR_CANCELLED or
 * an error while removing, the journal stays: see gc_recover. */
bool gc_run(struct gc_result *result, struct store *store,
            const struct gc_options *options, apr_pool_t *pool, struct error *error);

#endif
