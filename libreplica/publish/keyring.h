/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher's keys on disk. Source: cvmfs-format 3.4. */
#ifndef REPLICA_PUBLISH_KEYRING_H
#define REPLICA_PUBLISH_KEYRING_H

#include "libreplica/format/signature.h"

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

/* If there is no <fqrn>.masterkey: the master key in PEM, or the file that it is in. */
#define KEYRING_MASTER_KEY      "REPLICA_MASTER_KEY"
#define KEYRING_MASTER_KEY_FILE "REPLICA_MASTER_KEY_FILE"

/* The master key, which only signs whitelists. */
bool keyring_read_master(struct key **master, const char *directory, const char *fqrn,
                         apr_pool_t *pool, struct error *error);

#endif
