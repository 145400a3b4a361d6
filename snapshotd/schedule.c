/* SPDX-License-Identifier: Apache-2.0 */
/* When which replica is due. */
#include "snapshotd/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

/* When nothing is due: the configuration may have changed. */
#define LOOK_AGAIN apr_time_from_sec(10)

static apr_status_t schedule_cleanup(void *baton)
{
    struct schedule *schedule = baton;

    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        free((char *)entry->local_name);
        free(entry);
    }
    return APR_SUCCESS;
}

struct schedule *schedule_create(apr_pool_t *pool)
{
    struct schedule *schedule = apr_palloc(pool, sizeof(*schedule));

    schedule->pool = pool;
    schedule->entries = apr_array_make(pool, 16, sizeof(struct schedule_entry *));
    apr_pool_cleanup_register(pool, schedule, schedule_cleanup, apr_pool_cleanup_null);
    return schedule;
}

static struct schedule_entry *find(struct schedule *schedule, const char *local_name)
{
    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        if (strcmp(entry->local_name, local_name) == 0)
            return entry;
    }
    return NULL;
}

/* Entries come and go over months: each is freed by itself. */
struct schedule_entry *schedule_see(struct schedule *schedule, const char *local_name,
                                    apr_time_t last_snapshot, apr_time_t interval,
                                    apr_time_t now)
{
    struct schedule_entry *entry = find(schedule, local_name);

    if (entry == NULL) {
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL || (entry->local_name = strdup(local_name)) == NULL)
            abort();
        entry->next_start = last_snapshot + interval;
        if (entry->next_start > now + interval)
            entry->next_start = now + interval;
        APR_ARRAY_PUSH(schedule->entries, struct schedule_entry *) = entry;
    }
    entry->last_snapshot = last_snapshot;
    entry->is_seen = true;
    /* A shorter interval in the configuration counts at once. */
    if (entry->next_start > now + interval + interval / 10)
        entry->next_start = now + interval;
    return entry;
}

void schedule_forget_unseen(struct schedule *schedule)
{
    int kept = 0;

    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        if (entry->is_seen || entry->is_running) {
            entry->is_seen = false;
            APR_ARRAY_IDX(schedule->entries, kept, struct schedule_entry *) = entry;
            kept++;
        } else {
            free((char *)entry->local_name);
            free(entry);
        }
    }
    schedule->entries->nelts = kept;
}

/* A replica that crashes the daemon would be the oldest after each restart, and starve
 * the rest. */
static bool goes_before(const struct schedule_entry *a, const struct schedule_entry *b)
{
    if (a->was_cut != b->was_cut)
        return b->was_cut;
    return a->last_snapshot < b->last_snapshot;
}

struct schedule_entry *schedule_next(struct schedule *schedule, apr_time_t now,
                                     apr_time_t *wake)
{
    struct schedule_entry *chosen = NULL;

    *wake = now + LOOK_AGAIN;
    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        if (entry->is_running)
            continue;
        if (entry->next_start > now) {
            if (entry->next_start < *wake)
                *wake = entry->next_start;
        } else if (chosen == NULL || goes_before(entry, chosen)) {
            chosen = entry;
        }
    }
    return chosen;
}

void schedule_ran(struct schedule_entry *entry, bool succeeded, apr_time_t interval,
                  uint64_t chance, apr_time_t now)
{
    apr_time_t spread = interval / 10;

    entry->is_running = false;
    entry->was_cut = false;
    if (succeeded)
        entry->last_snapshot = now;
    entry->next_start = now + interval;
    if (spread > 0)
        entry->next_start += (apr_time_t)(chance % (uint64_t)(2 * spread)) - spread;
}
