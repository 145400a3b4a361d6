/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of /.cvmfsdirtab: which directories become nested catalogs. Pure.
 * Source: cvmfs-format 7.7. */
#ifndef REPLICA_FORMAT_DIRTAB_H
#define REPLICA_FORMAT_DIRTAB_H

#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

#define DIRTAB_PATH     "/.cvmfsdirtab"
#define DIRTAB_SIZE_MAX ((int64_t)1024 * 1024)

struct dirtab;

/* Parse rules, one a line: patterns of absolute paths, and, behind !, patterns of what is
 * left out. POOL owns *dirtab and copies of what it needs. False: ERROR_BAD_FORMAT, the
 * message names the line. */
bool dirtab_parse(struct dirtab **dirtab, struct text text, apr_pool_t *pool,
                  struct error *error);

/* Whether the directory at PATH ("/a/b") is to be a nested catalog. In patterns of what
 * is taken * and ? match no slash, in those of what is left out they do. Time grows at
 * most with the length of PATH times that of the rules. */
bool dirtab_matches(const struct dirtab *dirtab, const char *path);

/* How many patterns take something, and how many components the longest of them has. */
int dirtab_count(const struct dirtab *dirtab);
int dirtab_depth(const struct dirtab *dirtab);

/* Whether the component NUMBER, from 0, of pattern INDEX matches a name, and how
 * many it has. For who looks for directories from the root down. */
bool dirtab_component_matches(const struct dirtab *dirtab, int index, int number,
                              struct text name);
int dirtab_components(const struct dirtab *dirtab, int index);

#endif
