/* SPDX-License-Identifier: Apache-2.0 */
/* Changing tag databases. What is not changed stays as it was, branches included.
 * Source: cvmfs-format 5.1, 7.6. */
#ifndef REPLICA_FORMAT_HISTORY_EDITOR_H
#define REPLICA_FORMAT_HISTORY_EDITOR_H

#include "libreplica/format/history.h"

struct history_editor;

/* A new database at PATH (must not exist), of schema 1.0 revision 3, with the default
 * branch. POOL owns *editor; clearing it closes the database. False: ERROR_IO,
 * ERROR_EXISTS, ERROR_NO_SPACE. */
bool history_editor_create(struct history_editor **editor, const char *path,
                           const char *fqrn, apr_pool_t *pool, struct error *error);

/* The one at PATH, a copy of our own: older revisions of the schema become the present
 * one. False: also as history_read. */
bool history_editor_open(struct history_editor **editor, const char *path,
                         apr_pool_t *pool, struct error *error);

/* Enter TAG. False: ERROR_EXISTS (there is one of its name), ERROR_NOT_FOUND (there is no
 * such branch). */
bool history_editor_add(struct history_editor *editor, const struct tag *tag,
                        struct error *error);

/* Remove the tag NAME; none of this name is no error. */
bool history_editor_remove(struct history_editor *editor, const char *name,
                           struct error *error);

/* Drop branches without tags, name the database before this one, compact, and close. */
bool history_editor_finish(struct history_editor *editor, const struct hash *previous,
                           struct error *error);

#endif
