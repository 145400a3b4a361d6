/* SPDX-License-Identifier: Apache-2.0 */
/* Signing a repository's whitelist. The caller holds the repository's update lock
 * (publish.h) around what signs. Source: cvmfs-format 3. */
#ifndef REPLICA_PUBLISH_WHITELISTS_H
#define REPLICA_PUBLISH_WHITELISTS_H

#include "libreplica/format/whitelist.h"
#include "libreplica/publish/publish.h"
#include "libreplica/store/store.h"

struct whitelist_terms {
    int days;          /* that it is valid */
    bool drops_others; /* it lists our certificate alone */
    struct text also;  /* the DER of another certificate to list; empty: none */
};

/* Write a whitelist, signed with the master key: what the present one lists, if it is
 * signed with that key, and the certificate. False, and nothing is changed: those of
 * keyring_read and keyring_read_master, ERROR_BAD_SIGNATURE (the master key does not
 * belong to <fqrn>.pub), ERROR_UNSUPPORTED (the present one relies on PKCS#7),
 * ERROR_TOO_LARGE, ERROR_IO. */
bool publish_sign_whitelist(const struct publish_target *target,
                            const struct whitelist_terms *terms, apr_time_t now,
                            apr_pool_t *pool, struct error *error);

/* The present whitelist, its signature not checked; *whitelist NULL: there is none.
 * False: it cannot be read or is damaged. */
bool whitelist_read_present(struct whitelist **whitelist, struct store *store,
                            apr_pool_t *pool, struct error *error);

/* Whether all keys are there that sign a successor of PRESENT (NULL: of none), and are
 * those that signed it. False: as publish_sign_whitelist, and ERROR_BAD_SIGNATURE if
 * PRESENT is signed with another master key. */
bool publish_check_whitelist_keys(const struct publish_target *target,
                                  const struct whitelist *present, apr_pool_t *pool,
                                  struct error *error);

#endif
