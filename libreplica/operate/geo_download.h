/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching a geo database, and comparing it with its checksum. */
#ifndef REPLICA_OPERATE_GEO_DOWNLOAD_H
#define REPLICA_OPERATE_GEO_DOWNLOAD_H

#include "libreplica/net/fetch.h"
#include "libreplica/operate/geo_source.h"

/* A fetcher for it, by the server's settings for proxies and certificates. STOP may be
 * NULL. */
bool geo_download_prepare(struct fetcher **fetcher, const struct settings *server,
                          const volatile int *stop, apr_pool_t *pool,
                          struct error *error);

/* Fetch SOURCE into FD, which is empty; the caller waits.
 *   answer   is_not_modified: nothing was fetched. Otherwise its validators are for KNOWN
 *            the next time
 *   known    validators of what we have, or NULL
 * False: as for fetch_text, ERROR_BAD_FORMAT (a page of text; its first line is the
 * message), ERROR_BAD_HASH (other bytes than the checksum is of). */
bool geo_download(struct fetch_answer *answer, struct fetcher *fetcher,
                  const struct geo_source *source, const struct fetch_answer *known,
                  int fd, apr_pool_t *pool, struct error *error);

#endif
