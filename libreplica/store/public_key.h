/* SPDX-License-Identifier: Apache-2.0 */
/* Which master public keys a repository is read with. */
#ifndef REPLICA_STORE_PUBLIC_KEY_H
#define REPLICA_STORE_PUBLIC_KEY_H

#include "libreplica/store/repository.h"

/* In the form of CVMFS_PUBLIC_KEY (store/master_keys.h): what the repository's files set;
 * for a Stratum 0 that sets none, what its client.conf sets, or else <KEYS>/<fqrn>.pub.
 * For a replica that sets none: "". False: ERROR_SETTING (client.conf). */
bool public_key_of(const char **setting, const struct repository *repository,
                   const char *confdir, const char *keys, apr_pool_t *pool,
                   struct error *error);

#endif
