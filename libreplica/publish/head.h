/* SPDX-License-Identifier: Apache-2.0 */
/* A repository's head: checking the present one, and switching to the next. */
#ifndef REPLICA_PUBLISH_HEAD_H
#define REPLICA_PUBLISH_HEAD_H

#include "libreplica/publish/publication.h"

/* Read the manifest and check its name and signature against the certificate it names.
 * The certificate may be an older one of the repository's. */
bool head_read(struct manifest **manifest, struct publication *publication,
               apr_pool_t *pool, struct error *error);

/* Publish the root catalog in NEXT: its catalog, size and revision are set, and of what
 * is not new the present one's fields (history, metainfo, alternative paths). Moves the
 * tags, stores the certificate, extends the reflog, and as the
 * very last step replaces the manifest. */
bool head_publish(struct publication *publication, struct manifest *next,
                  apr_pool_t *pool, struct error *error);

/* The same for a head of the present revision, or one whose tags have been moved: what
 * NEXT names is stored but for the certificate. */
bool head_replace(struct publication *publication, struct manifest *next,
                  apr_pool_t *pool, struct error *error);

/* The file that replicas ask for before they begin. */
bool head_allow_replicas(struct store *store, struct error *error);

#endif
