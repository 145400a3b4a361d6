/* SPDX-License-Identifier: Apache-2.0 */
/* Where each repository's tree is: read when first asked for, looked at again by stat at
 * most once in five seconds, so that adding and removing one needs no reload. */
#ifndef REPLICA_MOD_REPOSITORY_CACHE_H
#define REPLICA_MOD_REPOSITORY_CACHE_H

#include <stdbool.h>
#include <httpd.h>

#include "libreplica/base/settings.h"
#include "libreplica/base/text.h"

struct repository_cache;

/* One for a child process.
 *   settings   of the server; must outlive the cache
 *   server     for log lines
 *   pool       ends the cache; requests must be over by then */
struct repository_cache *repository_cache_create(const char *confdir,
                                                 const struct settings *settings,
                                                 server_rec *server, apr_pool_t *pool);

/* *storage is a copy in POOL of the root of the tree of the repository with local name
 * NAME. False: it is not configured, or has no tree of its own. A repository whose files
 * turn bad keeps the tree it had; one whose files are bad from the start is looked for at
 * its usual place. Thread-safe. */
bool repository_cache_find(const char **storage, struct repository_cache *cache,
                           struct text name, apr_time_t now, apr_pool_t *pool);

#endif
