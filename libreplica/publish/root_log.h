/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher's reflog: the list of its root-level objects, with its checksum file. */
#ifndef REPLICA_PUBLISH_ROOT_LOG_H
#define REPLICA_PUBLISH_ROOT_LOG_H

#include "libreplica/publish/publication.h"

/* Enter the objects NEXT names, replace the reflog and its checksum file, and set
 * next->reflog. A missing reflog is begun anew. One that does not fit its checksum (a
 * crash came between the two files) is taken if it is a reflog of this repository.
 * Source: cvmfs-format 5.4, 7.2. */
bool root_log_extend(struct publication *publication, struct manifest *next,
                     apr_pool_t *pool, struct error *error);

#endif
