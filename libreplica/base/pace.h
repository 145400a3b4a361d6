/* SPDX-License-Identifier: Apache-2.0 */
/* Doing something at a rate: how long to wait after each piece. */
#ifndef REPLICA_BASE_PACE_H
#define REPLICA_BASE_PACE_H

#include <stdint.h>
#include <apr_time.h>

struct pace {
    int64_t bytes_per_second;
    apr_time_t next; /* when the next piece may begin; 0 at first */
};

/* After BYTES were handled: how long to wait from NOW on. Time that was not used is lost
 * but for a second's worth: a pause is not made up for by a burst. */
apr_interval_time_t pace_delay(struct pace *pace, int64_t bytes, apr_time_t now);

#endif
