/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as administrators name them: "3 days ago", a date, seconds. Pure: the caller
 * gives the time. */
#ifndef REPLICA_BASE_DATE_PHRASE_H
#define REPLICA_BASE_DATE_PHRASE_H

#include <stdbool.h>
#include <apr_time.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

/* Of what date(1) takes:
 *   now, today, yesterday
 *   N UNIT ago, or -N UNIT, with seconds, minutes, hours, days, weeks, months, years
 *     (also sec, min; "a", "an", "last" for 1); a month or year is one of the calendar
 *   2026-11-20, with 11:25 or 11:25:07 after a blank or T, and Z or UTC or nothing
 *   @SECONDS since 1970
 *   what date --utc prints: Fri Nov 20 11:25:07 UTC 2026
 * Upper and lower case are the same. Times are UTC. NOW is the time it is said at.
 * False: ERROR_USAGE, the message names the text; *when untouched. */
bool date_phrase_parse(apr_time_t *when, struct text phrase, apr_time_t now,
                       struct error *error);

#endif
