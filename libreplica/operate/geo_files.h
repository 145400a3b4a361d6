/* SPDX-License-Identifier: Apache-2.0 */
/* The files that an update of the geo database keeps in the database's directory:
 *   .<database>.source   where the database came from, for conditional requests
 *   .last_attempt_day    day of the year of the last lazy try, as the reference has it
 *   .<database>.*        temporary ones; found without an update, they are left of one
 *                        that was killed */
#ifndef REPLICA_OPERATE_GEO_FILES_H
#define REPLICA_OPERATE_GEO_FILES_H

#include <stdbool.h>
#include <time.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/net/fetch.h"

/* One update at a time: a lock on the directory itself, which goes with POOL. On file
 * systems that cannot lock a directory nothing is locked. False: ERROR_BUSY,
 * ERROR_PERMISSION and others of opening it. */
bool geo_files_lock(const char *directory, apr_pool_t *pool, struct error *error);

/* Remove what an update of PATH that was killed left. */
void geo_files_clean_up(const char *path, apr_pool_t *pool);

/* Make the temporary file ".<database>.<kind>" beside PATH; *name is set to its path. */
bool geo_files_create(int *fd, const char **name, const char *path, const char *kind,
                      apr_pool_t *pool, struct error *error);

/* Give the file TEMPORARY, open as FD, its place: mode 0644, synced, renamed to PATH. A
 * file made by root gets the directory's owner, whose updates have to go on from it. */
bool geo_files_install(const char *path, const char *temporary, int fd, apr_pool_t *pool,
                       struct error *error);

/* The directory of PATH. */
const char *geo_files_directory(const char *path, apr_pool_t *pool);

/* What was noted about the answer that PATH came from. False: nothing, or it came from
 * another URL, or the file was changed since. */
bool geo_files_read_source(struct fetch_answer *answer, const char *path, const char *url,
                           apr_pool_t *pool);
/* Note it. Failing costs a download, nothing else. */
void geo_files_note_source(const struct fetch_answer *answer, const char *path,
                           const char *url, apr_pool_t *pool);

/* Whether a lazy update was tried on the day of LOCAL. */
bool geo_files_tried_today(const char *directory, const struct tm *local,
                           apr_pool_t *pool);
/* Note it. Failing costs one more try, nothing else. */
void geo_files_note_try(const char *directory, const struct tm *local, apr_pool_t *pool);

#endif
