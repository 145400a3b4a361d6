/* SPDX-License-Identifier: Apache-2.0 */
/* When a geo database is replaced. Pure. Source: stratum1-http-and-ops 2.8. */
#ifndef REPLICA_OPERATE_GEO_SLOT_H
#define REPLICA_OPERATE_GEO_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct geo_slot_rules {
    int weekday;        /* 0 is Sunday */
    int hour;           /* from which on */
    int delay_minutes;  /* after that hour; see geo_slot_delay */
    int minimum_days;   /* whole days; older files are replaced in the slot */
    int maximum_days;   /* older ones at any time */
    bool tried_already; /* today */
};

enum geo_slot_verdict {
    GEO_SLOT_FRESH,        /* nothing to do */
    GEO_SLOT_WAIT,         /* ageing, but it is not the time */
    GEO_SLOT_TRIED,        /* due, but one try a day is enough */
    GEO_SLOT_DUE,          /* ageing, and it is the time */
    GEO_SLOT_DUE_VERY_OLD, /* whatever the time is */
};

/* What to do at NOW, which is LOCAL in the host's time zone, about a file that was
 * written at WRITTEN. */
enum geo_slot_verdict geo_slot_judge(const struct geo_slot_rules *rules, time_t now,
                                     const struct tm *local, time_t written);

/* How long after HOUR a host waits so that not all hosts ask at once: 0 to 359 minutes,
 * fewer if the day ends before; the same for the same IDENTITY. */
int geo_slot_delay(const char *identity, int hour);

#endif
