/* SPDX-License-Identifier: Apache-2.0 */
/* Where the bytes of an archive come from. */
#ifndef REPLICA_PUBLISH_ARCHIVE_SOURCE_H
#define REPLICA_PUBLISH_ARCHIVE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <archive.h>
#include "libreplica/base/error.h"

/* A part of a regular file, or what FD still gives. */
struct archive_source {
    int fd; /* stays the caller's */
    bool is_part;
    int64_t offset, size;   /* of a part */
    bool may_be_compressed; /* by gzip, bzip2, xz or zstd */
};

/* Open the tar archive, or an empty one. Of what is compressed the checksums are checked,
 * gzip's too. POOL owns *archive; SOURCE is copied. False: ERROR_BAD_FORMAT. */
bool archive_source_open(struct archive **archive, const struct archive_source *source,
                         apr_pool_t *pool, struct error *error);

/* 1: there is one more entry; 0: no more; -1: ERROR says what is wrong. */
int archive_source_next(struct archive_entry **entry, struct archive *archive,
                        struct error *error);

/* ERROR_BAD_FORMAT, with what libarchive says. */
bool archive_source_fail(struct archive *archive, struct error *error);

#endif
