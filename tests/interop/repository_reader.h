/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a repository's folder as a client would: everything verified, from the master
 * key down to the last object. For tests. */
#ifndef REPLICA_TESTS_REPOSITORY_READER_H
#define REPLICA_TESTS_REPOSITORY_READER_H

#include <openssl/evp.h>
#include "libreplica/format/catalog.h"
#include "libreplica/format/manifest.h"

struct repository_reader {
    const char *folder;        /* holds .cvmfspublished and data/ */
    const char *key_path;      /* the master public key */
    const char *whitelist;     /* path of the whitelist */
    const char *fqrn;          /* expected name */
    const char *scratch;       /* folder for inflated databases */
    struct manifest *manifest; /* set by verify */
};

/* Key, whitelist, manifest, certificate: the whole chain. */
bool repository_reader_verify(struct repository_reader *reader, apr_time_t now,
                              apr_pool_t *pool, struct error *error);

/* The root catalog of a revision: the manifest's, a tag's, or one on the chain of
 * previous revisions. 0 means the manifest's. */
bool repository_reader_find_revision(struct hash *catalog, int64_t *catalog_size,
                                     struct repository_reader *reader, int64_t revision,
                                     apr_pool_t *pool, struct error *error);

/* Inflate a database object, whose hash and size (0 unknown) are checked, into a scratch
 * file. */
bool repository_reader_unpack(const char **path, struct repository_reader *reader,
                              const struct object *object, int64_t size, apr_pool_t *pool,
                              struct error *error);

/* Add the content of an object to DIGEST. Its hash and its plain size are checked. */
bool repository_reader_digest(EVP_MD_CTX *digest, struct repository_reader *reader,
                              const struct object *object, enum compression compression,
                              int64_t size, apr_pool_t *pool, struct error *error);

#endif
