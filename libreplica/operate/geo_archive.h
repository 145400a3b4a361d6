/* SPDX-License-Identifier: Apache-2.0 */
/* The database in what was downloaded: a tar or zip archive, or the file itself, gzipped
 * or not. */
#ifndef REPLICA_OPERATE_GEO_ARCHIVE_H
#define REPLICA_OPERATE_GEO_ARCHIVE_H

#include <apr_pools.h>
#include "libreplica/base/error.h"

/* Write the database that is in FROM to TO. Forms are told by content, whatever the name.
 *   from   a regular file; read from its beginning
 *   to     empty and open for writing
 *   name   of the file wanted. In an archive an entry whose last part is NAME is taken,
 *          in whatever folder; else the only one that ends in ".mmdb"
 * False: ERROR_BAD_FORMAT (damaged, cut, no or several candidates; for a page of text in
 * the place of an archive the message is its first line), ERROR_TOO_LARGE (more than
 * 2 GiB), ERROR_NO_SPACE, ERROR_IO. *TO may then hold a part. */
bool geo_archive_unpack(int from, int to, const char *name, apr_pool_t *pool,
                        struct error *error);

/* Whether FROM is something else than a page of text. False: ERROR_BAD_FORMAT, with its
 * first line as the message, or ERROR_IO. */
bool geo_archive_refuse_text(int from, apr_pool_t *pool, struct error *error);

#endif
