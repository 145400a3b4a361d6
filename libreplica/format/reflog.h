/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog, .cvmfsreflog: which root-level objects this server stored, and when.
 * Source: cvmfs-format 5.4. */
#ifndef REPLICA_FORMAT_REFLOG_H
#define REPLICA_FORMAT_REFLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/format/object.h"

#define REFLOG_NAME ".cvmfsreflog"

struct reflog;

/* Open the working copy at PATH for reading and writing; CREATE makes an empty one for
 * FQRN. False: ERROR_BAD_FORMAT, ERROR_NAME_MISMATCH, ERROR_IO. */
bool reflog_open(struct reflog **reflog, const char *path, const char *fqrn, bool create,
                 apr_pool_t *pool, struct error *error);

/* Enter a root catalog, certificate, tag database or metainfo object (by OBJECT's type)
 * with a time stamp. An entry that is there keeps its time stamp unless REFRESH. */
bool reflog_add(struct reflog *reflog, const struct object *object,
                int64_t timestamp_seconds, bool refresh, struct error *error);
bool reflog_contains(const struct reflog *reflog, const struct object *object,
                     bool *found, struct error *error);
/* When it was entered; *found false: it is not there. */
bool reflog_find(const struct reflog *reflog, const struct object *object,
                 int64_t *timestamp_seconds, bool *found, struct error *error);
/* What is not there is gone already. */
bool reflog_remove(struct reflog *reflog, const struct object *object,
                   struct error *error);
/* Commit, and give the space of removed entries back. */
bool reflog_compact(struct reflog *reflog, struct error *error);
/* Commit everything and close; PATH is then a plain single-file database. */
bool reflog_close(struct reflog *reflog, struct error *error);

typedef bool reflog_visit(void *baton, const struct object *object,
                          int64_t timestamp_seconds, struct error *error);
bool reflog_each(struct reflog *reflog, reflog_visit *visit, void *baton,
                 struct error *error);

#endif
