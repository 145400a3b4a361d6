/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing: making a repository, and its next revision from a directory.
 *
 * The caller has dropped to the repository's user and holds the repository's update lock
 * (store/repository.h) around every function here that writes. What a function writes
 * below the storage tree becomes visible with the manifest, which is replaced last: if it
 * fails or the machine crashes before, readers see the old revision.
 * Source: cvmfs-format 7. */
#ifndef REPLICA_PUBLISH_PUBLISH_H
#define REPLICA_PUBLISH_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/format/catalog.h"
#include "libreplica/format/compress.h"
#include "libreplica/format/hash.h"
#include "libreplica/store/repository.h"

#define PUBLISH_WHITELIST_DAYS 30

/* Where a repository is and how it is published; sizes in bytes. */
struct publish_target {
    const char *fqrn;
    const char *storage;         /* root of the storage tree */
    const char *temporary;       /* NULL: <storage>/data/txn */
    const char *reflog_checksum; /* the file beside the spool's locks */
    const char *keys;            /* directory of <fqrn>.masterkey, .pub, .key, .crt */
    enum hash_algorithm algorithm;
    enum compression compression;    /* of file contents */
    enum compressor_kind compressor; /* of all that is compressed */
    bool chunks_files;
    bool keeps_whole_files; /* a whole object beside the chunks */
    int64_t minimum_chunk;
    int64_t average_chunk;
    int64_t maximum_chunk;
    bool includes_xattrs;
    bool balances_catalogs;
    int64_t maximum_weight; /* entries of a catalog before it is divided */
    int64_t minimum_weight; /* of one made so before it is given up */
    bool keeps_previous;    /* by the tag trunk-previous */
    bool makes_automatic_tags;
    const char *automatic_tags_since; /* as "2 weeks ago"; older ones go; "": none */
    bool is_garbage_collectable;
    const char *event_log; /* each new head is appended to; NULL or "": there is none */
    bool skips_barriers;   /* CVMFS_SYNCFS_LEVEL=none */
    int64_t ttl_seconds;
    int whitelist_days; /* of new whitelists */
    int workers;        /* threads that hash and compress; 0: one for each CPU */
};

/* A target with the default of every setting. */
void publish_target_default(struct publish_target *target, const char *fqrn,
                            const char *storage, const char *spool, const char *keys,
                            apr_pool_t *pool);

/* From a repository's configuration; KEYS is a directory. Strings may be shared with
 * REPOSITORY. False: ERROR_SETTING (an unknown hash or compression, sizes out of order),
 * ERROR_UNSUPPORTED (a Stratum 1). */
bool publish_target_of(struct publish_target *target, const struct repository *repository,
                       const char *keys, apr_pool_t *pool, struct error *error);

/* Make <fqrn>.masterkey and .key (0400), .pub and .crt (0444) in the target's key
 * directory, which is made if need be. Keys that are there are used: a missing public key
 * or certificate is made from its private key. False: ERROR_BAD_FORMAT, ERROR_IO, ... */
bool publish_create_keys(const struct publish_target *target, apr_time_t now,
                         apr_pool_t *pool, struct error *error);

/* What a repository begins with; all zero is as the reference does it. */
struct publish_beginning {
    const char *metainfo; /* JSON text, or NULL for a skeleton */
    int64_t revision;     /* of the empty one; readers never accept a lower one again */
    struct catalog_marks marks;
    bool is_not_replicable; /* no marker for Stratum 1 servers */
};

/* Make the storage tree (and its parents and the spool), whitelist, reflog, metainfo, an
 * empty revision, then the next one with the file `new_repository`, as the reference
 * does. The keys exist. False: ERROR_EXISTS (there is a manifest), or what
 * publish_directory reports. */
bool publish_create_repository(const struct publish_target *target,
                               const struct publish_beginning *beginning, apr_time_t now,
                               apr_pool_t *pool, struct error *error);

struct publish_result {
    int64_t revision;
    struct hash catalog;
    int64_t entries;         /* rows in all catalogs of the revision */
    int64_t catalogs;        /* in the revision */
    int64_t catalogs_stored; /* of these, new or changed */
    int64_t bytes;           /* of regular files */
};

/* Publish the state of DIRECTORY as the next revision, replacing what the repository held
 * before. Symbolic links are never followed. Hard links within one directory stay
 * together. A directory with a regular file `.cvmfscatalog` becomes a nested catalog.
 *   stop   if not NULL, a nonzero value ends the run with ERROR_CANCELLED
 * False: ERROR_USAGE (`.cvmfs` or `.cvmfscatalog` in the root), ERROR_TOO_LARGE (nested
 * too deep), ERROR_UNSUPPORTED (a graft file), ERROR_NOT_FOUND, ERROR_PERMISSION,
 * ERROR_NO_SPACE, ERROR_IO, ERROR_BAD_SIGNATURE and ERROR_BAD_FORMAT (the present
 * revision). Starts threads and ends them before it returns. */
bool publish_directory(struct publish_result *result, const struct publish_target *target,
                       const char *directory, apr_time_t now, const volatile int *stop,
                       apr_pool_t *pool, struct error *error);

#endif
