/* SPDX-License-Identifier: Apache-2.0 */
/* Telling snapshotd of objects that clients ask for in vain: a line in a bounded file. */
#ifndef REPLICA_MOD_MISSING_LOG_H
#define REPLICA_MOD_MISSING_LOG_H

#include <httpd.h>

#include "libreplica/base/settings.h"
#include "libreplica/base/text.h"
#include "libreplica/format/object.h"

struct missing_log;

/* One for a child process; nothing is opened yet. */
struct missing_log *missing_log_create(const struct settings *settings, apr_pool_t *pool);

/* Costs next to nothing for an object that was told of lately, and when there is no
 * folder, or no room; never fails. Thread-safe. */
void missing_log_add(struct missing_log *log, struct text repository,
                     const struct object *object, apr_time_t now);

#endif
