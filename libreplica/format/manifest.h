/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest, .cvmfspublished: a repository's signed published head. */
#ifndef REPLICA_FORMAT_MANIFEST_H
#define REPLICA_FORMAT_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/hash.h"
#include "libreplica/format/object.h"

#define MANIFEST_NAME ".cvmfspublished"
/* Who has this file may be replicated from. */
#define MASTER_REPLICA_NAME  ".cvmfs_master_replica"
#define MANIFEST_SIZE_MAX    (64 * 1024)
#define MANIFEST_DEFAULT_TTL 240

/* Letters as in cvmfs-format 2.2; hashes that are not set are null. */
struct manifest {
    struct hash catalog;        /* C */
    int64_t catalog_size;       /* B, bytes inflated; 0 unknown */
    int64_t ttl_seconds;        /* D */
    int64_t revision;           /* S */
    bool garbage_collectable;   /* G */
    bool has_alternative_paths; /* A */
    const char *fqrn;           /* N, "" if missing */
    struct hash certificate;    /* X */
    struct hash history;        /* H */
    int64_t published_seconds;  /* T, seconds since 1970; 0 if missing */
    struct hash metainfo;       /* M */
    struct hash reflog;         /* Y */
    /* As signed; set by parse, unused by format. */
    struct text signed_text; /* the hash line's text, what the signature covers */
    struct text signature;   /* raw bytes to the end of the file */
};

/* Parse and check the hash of the body against the hash line; the signature itself is
 * checked by signature_verify_digest_info with the certificate's key. text   the file;
 * must outlive *manifest, which points into it pool   owns *manifest and fqrn True:
 * *manifest is set. False: untouched; ERROR_BAD_FORMAT (message names the line),
 * ERROR_BAD_HASH, ERROR_TOO_LARGE. Thread-safe, pure. Source: cvmfs-format 2. */
bool manifest_parse(struct manifest **manifest, struct text text, apr_pool_t *pool,
                    struct error *error);

/* The objects that a manifest names: root catalog, certificate, tag database, metainfo.
 * Those it does not name have null hashes. Pure. */
#define MANIFEST_OBJECTS 4
void manifest_objects(struct object objects[MANIFEST_OBJECTS],
                      const struct manifest *manifest);

/* The body up to but without "--\n", in the reference's order of letters, and the hash
 * line's text in ALGORITHM (that of the root catalog). The file is then <body> "--\n"
 * <signed text> "\n" <signature>. */
struct text manifest_format_body(const struct manifest *manifest, apr_pool_t *pool);

#endif
