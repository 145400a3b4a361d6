/* SPDX-License-Identifier: Apache-2.0 */
/* The last snapshots of a replica, as one text in its status file: monitors expect flat
 * strings there.
 *
 * Runs are separated by blanks, the oldest first; a run is
 * <start>/<end>/<revision>/<objects>/<bytes>/<result>, the times as
 * 2026-11-20T11:25:07Z, the result "ok" or an error's code. Runs that found nothing new
 * are not among them. */
#ifndef REPLICA_FORMAT_SNAPSHOT_HISTORY_H
#define REPLICA_FORMAT_SNAPSHOT_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/text.h"

#define SNAPSHOT_HISTORY_MAX 40

struct snapshot_record {
    apr_time_t started;
    apr_time_t ended;
    int64_t revision; /* served after the run; -1 none */
    int64_t objects;  /* fetched */
    int64_t bytes;
    const char *result; /* "ok", or the code of the error, e.g. "unreachable" */
};

/* An array of struct snapshot_record; what is malformed is passed over. Pure. */
apr_array_header_t *snapshot_history_parse(struct text text, apr_pool_t *pool);

/* TEXT with RECORD added and the oldest ones dropped. Pure. */
const char *snapshot_history_add(struct text text, const struct snapshot_record *record,
                                 apr_pool_t *pool);

bool snapshot_record_is_ok(const struct snapshot_record *record);

#endif
