/* SPDX-License-Identifier: Apache-2.0 */
/* Tags on standard output, in the forms of the reference. */
#ifndef REPLICA_REPLICACTL_TAG_TABLE_H
#define REPLICA_REPLICACTL_TAG_TABLE_H

#include <apr_tables.h>
#include "libreplica/format/history.h"

/* TAGS are of struct tag, newest first; people read the oldest first. */
void tag_table_list(const apr_array_header_t *tags, bool for_machines);

/* BRANCHES are of struct branch; each below the one it came from. */
void tag_table_branches(const apr_array_header_t *branches, bool for_machines);

void tag_table_show(const struct tag *tag, bool for_machines);

#endif
