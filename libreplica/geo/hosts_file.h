/* SPDX-License-Identifier: Apache-2.0 */
/* Names and addresses from a file in the format of /etc/hosts. */
#ifndef REPLICA_GEO_HOSTS_FILE_H
#define REPLICA_GEO_HOSTS_FILE_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/geo/address.h"

struct hosts_file;

/* PATH is copied. Reads nothing yet: the file is empty until hosts_file_refresh. */
struct hosts_file *hosts_file_create(const char *path, apr_pool_t *pool);

/* Read the file if it is another one than before. Lines: an address, then names; # starts
 * a comment; lines that do not begin with an address are passed over. Call it from one
 * thread. False: it cannot be read, and what was read before stays. *is_news: this is not
 * what the last call found; only then *error is set. */
bool hosts_file_refresh(struct hosts_file *hosts, bool *is_news, struct error *error);

/* The first address of each family that the file has for NAME (in lower case). False: it
 * is not in the file. Thread-safe. */
bool hosts_file_find(struct geo_address *ipv4, struct geo_address *ipv6,
                     struct hosts_file *hosts, struct text name);

#endif
