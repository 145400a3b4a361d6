/* SPDX-License-Identifier: Apache-2.0 */
/* What a tar archive holds, as changes. */
#ifndef REPLICA_PUBLISH_ARCHIVE_H
#define REPLICA_PUBLISH_ARCHIVE_H

#include "libreplica/publish/changes.h"

struct archive_options {
    const char
        *base; /* the directory that the archive's paths begin in; "" is the root */
    bool keeps_owner; /* else everything belongs to: */
    int64_t uid, gid;
    bool keeps_xattrs; /* `user.` ones */
};

/* Read the uncompressed tar archive from FD, which stays the caller's, and make its
 * entries below the base. Leading slashes and "./" of names are taken off; directories
 * that are missing are made (0755). A directory takes the place of a file, a file that of
 * a file; a hard link within one directory is one, others become files of their own.
 *   now     time of directories that the archive does not have
 *   entries counted; may be NULL
 * False: ERROR_BAD_FORMAT (damaged, cut off, compressed, or a name with ".."),
 * ERROR_CANCELLED, or what the changes report: then the changes are not to be
 * committed. */
bool archive_put(struct changes *changes, int64_t *entries, int fd,
                 const struct archive_options *options, apr_time_t now, apr_pool_t *pool,
                 struct error *error);

#endif
