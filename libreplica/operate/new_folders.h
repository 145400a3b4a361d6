/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a repository that is being set up: made, handed to the owner, and taken
 * back if a later step fails. */
#ifndef REPLICA_OPERATE_NEW_FOLDERS_H
#define REPLICA_OPERATE_NEW_FOLDERS_H

#include "libreplica/operate/owner.h"

struct new_folders {
    const char *storage; /* NULL: none (pass-through) */
    const char *spool;
    const char *link_target;   /* what <spool>/tmp points to; NULL: it is a folder */
    const struct owner *owner; /* another user than the caller's only for root */
    bool made_storage;         /* set by new_folders_make */
    bool made_spool;
};

/* Make storage skeleton and spool; what is there and belongs to the owner is left as it
 * is, so that a tree which was kept can be used again. False: ERROR_EXISTS (a folder that
 * belongs to somebody else), ERROR_PERMISSION, ERROR_IO; nothing is left behind. */
bool new_folders_make(struct new_folders *folders, apr_pool_t *pool, struct error *error);

/* Remove what new_folders_make made. */
void new_folders_undo(const struct new_folders *folders);

#endif
