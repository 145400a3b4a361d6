/* SPDX-License-Identifier: Apache-2.0 */
/* When which whitelist is looked at, and when to alert. */
#include "snapshotd/sign_plan.h"

#include "libreplica/operate/renew_whitelist.h"

#define DAY           apr_time_from_sec((apr_time_t)24 * 3600)
#define LOOK_INTERVAL apr_time_from_sec(600)
#define RETRY_FIRST   apr_time_from_sec(60)
#define RETRY_LAST    apr_time_from_sec(3600)
#define BUSY_INTERVAL apr_time_from_sec(30)

static apr_time_t pause_after(const struct sign_entry *entry, const struct error *error)
{
    apr_time_t pause = RETRY_FIRST;

    if (error == NULL)
        return LOOK_INTERVAL;
    if (error->code == ERROR_BUSY)
        return BUSY_INTERVAL;
    for (int i = 1; i < entry->failures && pause < RETRY_LAST; i++)
        pause *= 2;
    return pause < RETRY_LAST ? pause : RETRY_LAST;
}

static apr_time_t spread(apr_time_t pause, uint64_t chance)
{
    apr_time_t tenth = pause / 10;

    return pause - tenth + (apr_time_t)(chance % (uint64_t)(2 * tenth));
}

enum sign_news sign_entry_take(struct sign_entry *entry, apr_time_t expires,
                               const struct error *error, uint64_t chance, apr_time_t now)
{
    bool ends_soon = expires - now <= WHITELIST_ALERT_TIME;
    bool was_alert = entry->is_alert;
    bool is_waiting = error != NULL && error->code == ERROR_BUSY && !ends_soon;

    entry->expires = expires;
    if (error != NULL && error->code != ERROR_BUSY)
        entry->failures++;
    entry->next_look = now + spread(pause_after(entry, error), chance);
    if (is_waiting)
        return SIGN_NO_NEWS;
    entry->problem = error != NULL ? *error : (struct error){0};
    entry->is_alert = error != NULL && ends_soon;
    if (error == NULL)
        entry->failures = 0;
    if (entry->is_alert == was_alert)
        return SIGN_NO_NEWS;
    return entry->is_alert ? SIGN_ALERT : SIGN_ALERT_ENDED;
}

int64_t sign_entry_days_left(const struct sign_entry *entry, apr_time_t now)
{
    return entry->expires > now ? (entry->expires - now) / DAY : 0;
}

struct sign_entry *sign_plan_next(const apr_array_header_t *entries, apr_time_t now,
                                  apr_time_t *wake)
{
    for (int i = 0; i < entries->nelts; i++) {
        struct sign_entry *entry = APR_ARRAY_IDX(entries, i, struct sign_entry *);

        /* Also if the clock was set back. */
        if (entry->next_look <= now || entry->next_look > now + 2 * RETRY_LAST) {
            *wake = now;
            return entry;
        }
        if (entry->next_look < *wake)
            *wake = entry->next_look;
    }
    return NULL;
}
