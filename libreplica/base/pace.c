/* SPDX-License-Identifier: Apache-2.0 */
/* Doing something at a rate. */
#include "libreplica/base/pace.h"

#define SLACK apr_time_from_sec(1)

apr_interval_time_t pace_delay(struct pace *pace, int64_t bytes, apr_time_t now)
{
    apr_interval_time_t cost = (apr_interval_time_t)((double)bytes * APR_USEC_PER_SEC /
                                                     (double)pace->bytes_per_second);

    /* Also if the clock was set back. */
    if (pace->next < now - SLACK || pace->next > now + cost + SLACK)
        pace->next = now;
    pace->next += cost;
    return pace->next > now ? pace->next - now : 0;
}
