/* SPDX-License-Identifier: Apache-2.0 */
/* The rule files of a helper: read together, read again when one of them has changed. */
#ifndef REPLICA_RULE_FILES_H
#define REPLICA_RULE_FILES_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/format/rule_lines.h"

struct rule_files;

/* Turns the lines of FILE into what a helper works with: *compiled, owned by POOL. */
typedef bool rule_compiler(void **compiled, const char *file,
                           const struct rule_source *source, apr_pool_t *pool,
                           struct error *error);

/* Rules to be found in FILE; nothing is read yet. */
struct rule_files *rule_files_create(const char *file, rule_compiler *compile,
                                     apr_pool_t *pool);

/* Read the files if they have not been or if one has changed since; looked at once a
 * second at most. What works stays until its successor does. False: they could not be
 * read; said once for each change of the files. */
bool rule_files_refresh(struct rule_files *files, apr_time_t now, struct error *error);

/* The last rules that were good; NULL: there were none. */
void *rule_files_compiled(const struct rule_files *files);

#endif
