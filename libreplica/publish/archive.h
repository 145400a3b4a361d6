/* SPDX-License-Identifier: Apache-2.0 */
/* What a tar archive holds, as changes. */
#ifndef REPLICA_PUBLISH_ARCHIVE_H
#define REPLICA_PUBLISH_ARCHIVE_H

#include "libreplica/publish/archive_budget.h"
#include "libreplica/publish/archive_source.h"
#include "libreplica/publish/changes.h"

/* A layer of a container image is read twice: first what it takes away from those below
 * it, then what it adds. */
enum archive_kind { ARCHIVE_PLAIN, ARCHIVE_LAYER_WHITEOUTS, ARCHIVE_LAYER_CONTENTS };

struct archive_options {
    const char *base; /* what the archive's paths begin in; "" is the root */
    bool keeps_owner; /* else everything belongs to: */
    int64_t uid, gid;
    bool keeps_xattrs; /* `user.` ones */
    enum archive_kind kind;
    struct archive_budget *budget; /* NULL: it may hold any number of anything */
};

/* Make the entries of the archive below the base. Leading slashes and "./" of names are
 * taken off; directories that are missing are made (0755). A directory takes the place of
 * a file, a file that of a file, and in a layer that of a directory, too; a hard link
 * within one directory is one, others become files of their own. Of a layer everything
 * becomes accessible for its owner.
 *   now     time of directories that the archive does not have
 *   entries counted; may be NULL
 * False: ERROR_BAD_FORMAT (damaged, cut off, compressed although it may not be, or a name
 * with ".."), ERROR_TOO_LARGE, ERROR_CANCELLED, or what the changes report: then the
 * changes are not to be committed. */
bool archive_put(struct changes *changes, int64_t *entries,
                 const struct archive_source *source,
                 const struct archive_options *options, apr_time_t now, apr_pool_t *pool,
                 struct error *error);

#endif
