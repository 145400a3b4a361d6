/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher's keys on disk. Source: cvmfs-format 3.4. */
#ifndef REPLICA_PUBLISH_KEYRING_H
#define REPLICA_PUBLISH_KEYRING_H

#include "libreplica/format/signature.h"

/* Bytes of a file with a key or a certificate. */
#define KEYRING_FILE_MAX 65536

/* What the files are made with: secrets, and what everybody may read. */
#define KEYRING_SECRET_MODE 0400
#define KEYRING_PUBLIC_MODE 0444

struct keyring {
    struct key *signing; /* <fqrn>.key */
    struct text certificate_pem;
    struct certificate *certificate;
};

/* Read and check the signing key and its certificate. False: ERROR_NOT_FOUND,
 * ERROR_PERMISSION, ERROR_BAD_FORMAT, ERROR_BAD_SIGNATURE (they do not belong together).
 */
bool keyring_read(struct keyring *keyring, const char *directory, const char *fqrn,
                  apr_pool_t *pool, struct error *error);

/* A private key that nobody but its owner may read. */
bool keyring_read_private(struct key **key, const char *path, apr_pool_t *pool,
                          struct error *error);

/* Make one, in the place of what is at PATH. */
bool keyring_make_private(struct key **key, const char *path, apr_pool_t *pool,
                          struct error *error);

/* If there is no <fqrn>.masterkey: the master key in PEM, or the file that it is in. */
#define KEYRING_MASTER_KEY      "REPLICA_MASTER_KEY"
#define KEYRING_MASTER_KEY_FILE "REPLICA_MASTER_KEY_FILE"

/* The master key, which only signs whitelists. */
bool keyring_read_master(struct key **master, const char *directory, const char *fqrn,
                         apr_pool_t *pool, struct error *error);

/* Whether MASTER belongs to PUBLIC_KEY, which was read at PATH and which clients check
 * with: what another key signs locks all of them out. False: ERROR_BAD_SIGNATURE. */
bool keyring_check_master(const struct key *master, const struct key *public_key,
                          const char *fqrn, const char *path, apr_pool_t *pool,
                          struct error *error);

#endif
