/* SPDX-License-Identifier: Apache-2.0 */
/* Nested catalogs by rules: what /.cvmfsdirtab says. Source: cvmfs-format 7.7. */
#ifndef REPLICA_PUBLISH_NESTING_H
#define REPLICA_PUBLISH_NESTING_H

#include "libreplica/format/dirtab.h"
#include "libreplica/publish/changes.h"

/* The rules in the directory FD; *rules is NULL if there are none. False:
 * ERROR_BAD_FORMAT (wrong rules), ERROR_TOO_LARGE, ERROR_IO. */
bool nesting_read_file(struct dirtab **rules, int fd, apr_pool_t *pool,
                       struct error *error);

/* For the change sets: what the rules still have to be applied to. */
struct nesting;

/* As the repository is now, before anything changes. POOL owns *nesting. */
bool nesting_begin(struct nesting **nesting, struct changes *changes, apr_pool_t *pool,
                   struct error *error);

/* A directory was made at PATH, or has lost its marker; or one came there with all that
 * is below it. */
void nesting_note(struct nesting *nesting, const char *path);
void nesting_note_tree(struct nesting *nesting, const char *path);

/* Put the markers that are missing: in what was noted, or, if the rules have changed, in
 * all that they match. */
bool nesting_apply(struct nesting *nesting, struct changes *changes, struct error *error);
/* Whether the rules, once they were applied, ask for a catalog at PATH. */
bool nesting_matches(const struct nesting *nesting, const char *path);

#endif
