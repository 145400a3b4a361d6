/* SPDX-License-Identifier: Apache-2.0 */
/* Check a repository's tree as it lies on disk and, on request, repair it. */
#ifndef REPLICA_OPERATE_CHECK_H
#define REPLICA_OPERATE_CHECK_H

#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/store/repository.h"

/* What can be wrong. */
enum check_kind {
    CHECK_HEAD,    /* manifest, whitelist, certificate, links: the signed head */
    CHECK_REFLOG,  /* the reflog or its checksum */
    CHECK_TAGS,    /* the tag database contradicts itself */
    CHECK_CATALOG, /* a catalog breaks a rule */
    CHECK_MISSING, /* an object is not there */
    CHECK_EMPTY,   /* an object has no bytes */
    CHECK_CORRUPT, /* an object's bytes do not hash to its name */
    CHECK_KINDS
};
/* As in "3 corrupt objects". */
const char *check_kind_name(enum check_kind kind);

struct check_options {
    bool skips_objects;       /* only catalogs; what they refer to is not looked for */
    bool reads_objects;       /* every object of the store is read and hashed */
    bool repairs;             /* fetch what is missing or damaged */
    bool repairs_reflog;      /* write reflog and checksum anew where they are wrong */
    bool is_brief;            /* no line for each catalog */
    const char *tag;          /* this named snapshot instead of the head; NULL */
    const char *subtree;      /* only from this nested catalog on; NULL */
    const char *public_key;   /* as CVMFS_PUBLIC_KEY; NULL: what that says */
    const volatile int *stop; /* may be NULL; nonzero ends the run */
    void (*say)(void *baton, const char *line);
    void *baton;
};

struct check_result {
    int64_t catalogs; /* read */
    int64_t objects;  /* looked at */
    int64_t found[CHECK_KINDS];
    int64_t repaired[CHECK_KINDS];
};
/* Found and not repaired. */
int64_t check_result_open(const struct check_result *result);

/* As the owner of the repository. Waits for a garbage collection to end and holds off the
 * next; what repairs also keeps snapshots away. Every finding is said in one line.
 * Without repairs nothing in the tree is changed.
 * True: the check went through; *result says what it found. False: it could not, and
 * *result says what it found until then. ERROR_USAGE (not ours to check, or
 * a Stratum 0, which has nobody to repair it from), ERROR_NOT_FOUND
 * (no such tag or nested catalog), ERROR_CANCELLED, and those of disk and manifest.
 * Source: cvmfs-format 4.12, 5.1, 5.4, 6.10. */
bool check_repository(struct check_result *result, const struct repository *repository,
                      const struct check_options *options, apr_pool_t *pool,
                      struct error *error);

#endif
