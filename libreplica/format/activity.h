/* SPDX-License-Identifier: Apache-2.0 */
/* The activity message: a repository has a new signed manifest. Pure. */
#ifndef REPLICA_FORMAT_ACTIVITY_H
#define REPLICA_FORMAT_ACTIVITY_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/manifest.h"

/* A manifest grows by a third in base64. */
#define ACTIVITY_SIZE_MAX (MANIFEST_SIZE_MAX / 3 * 4 + 4096)

struct activity {
    const char *fqrn;
    apr_time_t time;      /* whole seconds */
    struct text manifest; /* the whole signed file, of which nothing is verified */
};

/* Parse the JSON object: version 1, type "activity", timestamp, repository, manifest in
 * strict base64. Other members are passed over, as elsewhere.
 *   pool   owns *activity and all in it
 * False: ERROR_BAD_FORMAT (message names the member), ERROR_TOO_LARGE. Thread-safe.
 * Source: docs/formats.md */
bool activity_parse(struct activity **activity, struct text text, apr_pool_t *pool,
                    struct error *error);

/* One line of JSON, as short as it can be, without LF. */
struct text activity_format(const struct activity *activity, apr_pool_t *pool);

#endif
