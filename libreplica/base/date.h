/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as the reference's files hold them. Pure: the caller gives the time. */
#ifndef REPLICA_BASE_DATE_H
#define REPLICA_BASE_DATE_H

#include <stdbool.h>
#include <apr_time.h>
#include "libreplica/base/text.h"

#define DATE_UTC_SIZE 64

/* "Fri Nov 20 11:25:07 UTC 2026": what `date --utc` prints in the C locale, the day
 * padded with a blank, no newline; whatever the process's locale is. Source:
 * stratum1-http-and-ops 1.5. */
void date_format_utc(char text[DATE_UTC_SIZE], apr_time_t when);

/* The same text, a trailing LF allowed. False: *when untouched. */
bool date_parse_utc(apr_time_t *when, struct text text);

/* 14 digits YYYYMMDDhhmmss, UTC (whitelists). */
void date_format_compact(char text[DATE_UTC_SIZE], apr_time_t when);
bool date_parse_compact(apr_time_t *when, struct text text);

/* 2026-11-20T11:25:07Z (automatic tags, logs, our status files). */
void date_format_iso(char text[DATE_UTC_SIZE], apr_time_t when);
bool date_parse_iso(apr_time_t *when, struct text text);

/* 26 Oct 2021 15:00:00, UTC (activity messages); a day of one digit is not padded, and
 * read with or without a zero. */
void date_format_message(char text[DATE_UTC_SIZE], apr_time_t when);
bool date_parse_message(apr_time_t *when, struct text text);

#endif
