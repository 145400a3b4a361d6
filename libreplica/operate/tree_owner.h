/* SPDX-License-Identifier: Apache-2.0 */
/* Giving a tree to another user, as root, while its present owner may be hostile. */
#ifndef REPLICA_OPERATE_TREE_OWNER_H
#define REPLICA_OPERATE_TREE_OWNER_H

#include <limits.h>
#include "libreplica/operate/adopt_walk.h"

#define TREE_OWNER_ANYBODY UINT_MAX

struct tree_owner_change {
    unsigned int from; /* or TREE_OWNER_ANYBODY */
    unsigned int to;
    const volatile int *stop; /* may be NULL */
};

/* A file with a second name may be anybody's: its owner does not change. Nor does that of
 * devices, and of programs that run as their owner. An administrator's links are trusted:
 * they stay his, and nobody's becomes one of his. */
bool tree_owner_may_change(const struct stat *status, unsigned int to);

/* For walk_tree and walk_one; BATON is a struct tree_owner_change. */
bool tree_owner_change(void *baton, const struct walk_entry *entry, struct error *error);

#endif
