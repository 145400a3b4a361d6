/* SPDX-License-Identifier: Apache-2.0 */
/* Unpacking what was uploaded: tar archives, and container images in them. */
#ifndef REPLICA_PUBLISH_UNPACK_H
#define REPLICA_PUBLISH_UNPACK_H

#include "libreplica/publish/archive.h"

/* Make what the archive in the regular file FD holds below the base of OPTIONS, whose
 * kind is ARCHIVE_PLAIN: `docker save` archives and OCI image layouts layer by layer,
 * with what is needed to run them, other tar archives as they are. Both may be compressed
 * by gzip, bzip2, xz or zstd; layers, too. Digests of an image are checked before
 * anything of a layer is made. False: as archive_put; ERROR_UNSUPPORTED (several images
 * in one archive). */
bool unpack_put(struct changes *changes, int64_t *entries, int fd,
                const struct archive_options *options, apr_time_t now, apr_pool_t *pool,
                struct error *error);

#endif
