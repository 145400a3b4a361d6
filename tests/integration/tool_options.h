/* SPDX-License-Identifier: Apache-2.0 */
/* What the publishing tools of tests and benches have in common: their command line. */
#ifndef REPLICA_TESTS_TOOL_OPTIONS_H
#define REPLICA_TESTS_TOOL_OPTIONS_H

#include "libreplica/publish/publish.h"

/* The value of `name=value` among the arguments, or FALLBACK. */
const char *tool_option(int argc, char **argv, const char *name, const char *fallback);
/* The same as a number, if it is there. */
void tool_number(int64_t *value, int argc, char **argv, const char *name);

/* Of `tool verb FOLDER FQRN ...`: FOLDER holds storage, spool and keys. */
bool tool_target(struct publish_target *target, int argc, char **argv, apr_pool_t *pool,
                 struct error *error);

/* Warnings go to standard error. */
void tool_show_log(void);

#endif
