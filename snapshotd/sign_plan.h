/* SPDX-License-Identifier: Apache-2.0 */
/* When which whitelist is looked at, and when to alert. Pure: the caller gives the time
 * and the chance. */
#ifndef REPLICA_SNAPSHOTD_SIGN_PLAN_H
#define REPLICA_SNAPSHOTD_SIGN_PLAN_H

#include <stdint.h>
#include <apr_tables.h>
#include <apr_time.h>
#include "libreplica/base/error.h"

/* What is known of a Stratum 0's whitelist; kept while the daemon runs. */
struct sign_entry {
    const char *local_name;
    bool is_seen;         /* for daemon_sign_forget_unseen */
    apr_time_t next_look; /* not before */
    int failures;         /* in a row */
    apr_time_t expires;   /* 0 not known */
    bool is_alert;        /* it ends soon and could not be signed */
    struct error problem; /* why; no message: none */
};

/* What a look has changed. */
enum sign_news { SIGN_NO_NEWS, SIGN_ALERT, SIGN_ALERT_ENDED };

/* Take the result of a look: ERROR NULL if all was well. The next one is some minutes
 * away, give or take a tenth; after failures more and more, up to an hour. Whoever has
 * the lock is no failure before it is time for an alert. */
enum sign_news sign_entry_take(struct sign_entry *entry, apr_time_t expires,
                               const struct error *error, uint64_t chance,
                               apr_time_t now);

/* Whole days until it expires, at least 0. */
int64_t sign_entry_days_left(const struct sign_entry *entry, apr_time_t now);

/* Of ENTRIES (of struct sign_entry *) one that is to be looked at, or NULL. *wake is
 * taken down to when there is one. */
struct sign_entry *sign_plan_next(const apr_array_header_t *entries, apr_time_t now,
                                  apr_time_t *wake);

#endif
