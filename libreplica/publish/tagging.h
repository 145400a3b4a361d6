/* SPDX-License-Identifier: Apache-2.0 */
/* Named snapshots of a repository, and the way back to one. The caller holds the
 * repository's update lock (publish.h). A change of tags makes a new tag database and a
 * new manifest of the same revision. Source: cvmfs-format 5.1, 7.6. */
#ifndef REPLICA_PUBLISH_TAGGING_H
#define REPLICA_PUBLISH_TAGGING_H

#include <apr_tables.h>
#include "libreplica/format/history.h"
#include "libreplica/publish/publish.h"

/* The tags of the present head, newest first, and its branches (array of struct branch).
 */
bool publish_tags_list(apr_array_header_t **tags, apr_array_header_t **branches,
                       const struct publish_target *target, apr_pool_t *pool,
                       struct error *error);

struct publish_tag {
    const char *name;
    const struct hash *catalog; /* a root catalog; NULL: the present one */
    const char *description;    /* NULL: none, or that of the tag that is moved */
};

/* Whether there may be a tag of this name. False: ERROR_USAGE. */
bool publish_tag_check_name(const char *name, apr_pool_t *pool, struct error *error);

/* Add a tag; one of this name moves, if the catalog is named. *old is where it was, its
 * name NULL if it is new. False: ERROR_USAGE (a name that is none, trunk or
 * trunk-previous), ERROR_EXISTS (and no catalog was named, or it is there already),
 * ERROR_NOT_FOUND (no such catalog), ERROR_BAD_FORMAT (a nested one), or what
 * publish_directory reports of the present head. */
bool publish_tag_add(struct tag *old, const struct publish_target *target,
                     const struct publish_tag *tag, apr_time_t now, apr_pool_t *pool,
                     struct error *error);

/* Remove the tags NAMES (array of const char *), all or none. *removed are what they
 * were. False: ERROR_USAGE (trunk, trunk-previous), ERROR_NOT_FOUND. */
bool publish_tags_remove(apr_array_header_t **removed,
                         const struct publish_target *target,
                         const apr_array_header_t *names, apr_time_t now,
                         apr_pool_t *pool, struct error *error);

/* Publish the state of the tag NAME, on the default branch, as a new revision, higher
 * than the present one; NULL: of trunk-previous, which undoes the last publication, once.
 * Tags of later revisions go (*removed, of struct tag); the tag NAME is the new revision.
 * Of *result, revision and catalog are set. False: ERROR_NOT_FOUND, ERROR_USAGE (that is
 * the present revision), ERROR_UNSUPPORTED (another branch), and what publish_directory
 * reports of the present head. */
bool publish_rollback(struct publish_result *result, apr_array_header_t **removed,
                      const struct publish_target *target, const char *name,
                      apr_time_t now, apr_pool_t *pool, struct error *error);

/* Sign the present head anew, with the key and the certificate that are there now. */
bool publish_sign_head(const struct publish_target *target, apr_time_t now,
                       apr_pool_t *pool, struct error *error);

#endif
