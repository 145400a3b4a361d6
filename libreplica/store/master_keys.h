/* SPDX-License-Identifier: Apache-2.0 */
/* The master public keys that a repository's whitelist has to fit. */
#ifndef REPLICA_STORE_MASTER_KEYS_H
#define REPLICA_STORE_MASTER_KEYS_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"

/* Load the keys that CVMFS_PUBLIC_KEY names, as an array of struct key *: files separated
 * by colons, or directories, whose files named <name>.pub are taken in order. One file
 * that is no key makes all fail, as in the reference. False: ERROR_SETTING (nothing
 * named), ERROR_BAD_FORMAT, those of reading files. Source: cvmfs-format 3.4. */
bool master_keys_load(apr_array_header_t **keys, const char *setting, apr_pool_t *pool,
                      struct error *error);

/* The files that it names, an array of const char *, in that order; whether they are
 * there is not looked at. False: those of listing directories. */
bool master_keys_paths(apr_array_header_t **paths, const char *setting, apr_pool_t *pool,
                       struct error *error);

#endif
