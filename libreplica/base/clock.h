/* SPDX-License-Identifier: Apache-2.0 */
/* Time for deadlines: never set back. */
#ifndef REPLICA_BASE_CLOCK_H
#define REPLICA_BASE_CLOCK_H

#include <apr_time.h>

/* CLOCK_MONOTONIC in microseconds; the same in all processes of a machine. */
apr_time_t clock_now(void);

#endif
