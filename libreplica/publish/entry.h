/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog's row of one path, as the publisher makes it. */
#ifndef REPLICA_PUBLISH_ENTRY_H
#define REPLICA_PUBLISH_ENTRY_H

#include "libreplica/publish/content.h"

/* Set path, parent and name; texts are PATH's. The repository's root has no parent. */
void entry_place(struct catalog_entry *entry, const char *path);

/* The flags that the type in MODE asks for. */
unsigned int entry_flags(unsigned int mode);

/* Set what came of a regular file's content; the flags of its type are there already. */
void entry_set_content(struct catalog_entry *entry, const struct content *content,
                       const struct publish_target *target);

#endif
