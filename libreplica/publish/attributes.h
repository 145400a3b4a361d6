/* SPDX-License-Identifier: Apache-2.0 */
/* Extended attributes of a file on disk. */
#ifndef REPLICA_PUBLISH_ATTRIBUTES_H
#define REPLICA_PUBLISH_ATTRIBUTES_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Read the `user.` attributes of FD as a catalog's blob. Those that a catalog cannot hold
 * are left out, with a warning in the log. A file system without attributes has none. */
bool attributes_read(struct text *blob, int fd, const char *path, apr_pool_t *pool,
                     struct error *error);

#endif
