/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for news in an event log, whoever writes them. */
#ifndef REPLICA_EVENTS_EVENT_WATCH_H
#define REPLICA_EVENTS_EVENT_WATCH_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"

/* *fd becomes readable each time a process that could write to the log at PATH has closed
 * it, even one that was killed; POOL closes it. The folder is made if it is not there. */
bool event_watch_open(int *fd, const char *path, apr_pool_t *pool, struct error *error);

/* Take what made FD readable. True: there may be news in the log at PATH. */
bool event_watch_take(int fd, const char *path);

#endif
