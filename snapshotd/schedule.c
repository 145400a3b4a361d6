/* SPDX-License-Identifier: Apache-2.0 */
/* When which replica is due. */
#include "snapshotd/schedule.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>

/* When nothing is due: the configuration may have changed. */
#define LOOK_AGAIN apr_time_from_sec(10)

static void entry_free(struct schedule_entry *entry)
{
    free((char *)entry->local_name);
    free((char *)entry->upstream);
    free(entry);
}

static apr_status_t schedule_cleanup(void *baton)
{
    struct schedule *schedule = baton;

    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        entry_free(entry);
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

struct schedule_entry *schedule_find(struct schedule *schedule, const char *local_name)
{
    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        if (strcmp(entry->local_name, local_name) == 0)
            return entry;
    }
    return NULL;
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);

    /* As apr's pools do: there is no going on without memory. */
    if (copy == NULL)
        abort();
    return copy;
}

/* Entries come and go over months: each is freed by itself. */
static struct schedule_entry *add(struct schedule *schedule,
                                  const struct schedule_replica *replica, apr_time_t now)
{
    struct schedule_entry *entry = calloc(1, sizeof(*entry));

    if (entry == NULL)
        abort();
    entry->local_name = copy_of(replica->local_name);
    entry->upstream = copy_of(replica->upstream);
    entry->next_start = replica->last_snapshot + replica->interval;
    if (entry->next_start > now + replica->interval)
        entry->next_start = now + replica->interval;
    APR_ARRAY_PUSH(schedule->entries, struct schedule_entry *) = entry;
    return entry;
}

struct schedule_entry *schedule_see(struct schedule *schedule,
                                    const struct schedule_replica *replica,
                                    apr_time_t now)
{
    struct schedule_entry *entry = schedule_find(schedule, replica->local_name);
    apr_time_t interval = replica->interval;

    if (entry == NULL)
        entry = add(schedule, replica, now);
    if (strcmp(entry->upstream, replica->upstream) != 0) {
        free((char *)entry->upstream);
        entry->upstream = copy_of(replica->upstream);
    }
    entry->priority = replica->priority;
    entry->interval = interval;
    entry->last_snapshot = replica->last_snapshot;
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
            entry_free(entry);
        }
    }
    schedule->entries->nelts = kept;
}

static bool is_waiting(const struct schedule_entry *entry, apr_time_t now)
{
    return !entry->is_running && entry->next_start <= now;
}

static int64_t urgency(const struct schedule_entry *entry, apr_time_t now)
{
    return entry->priority + (now - entry->next_start) / entry->interval;
}

/* A replica that crashes the daemon would be the first after each restart, and starve the
 * rest. */
static bool goes_before(const struct schedule_entry *a, const struct schedule_entry *b,
                        apr_time_t now)
{
    int64_t urgency_a = urgency(a, now), urgency_b = urgency(b, now);

    if (a->was_cut != b->was_cut)
        return b->was_cut;
    if (urgency_a != urgency_b)
        return urgency_a > urgency_b;
    return a->last_snapshot < b->last_snapshot;
}

static bool has_room(const struct schedule *schedule, const struct schedule_entry *entry,
                     int64_t per_upstream)
{
    int64_t running = 0;

    if (per_upstream == 0)
        return true;
    for (int i = 0; i < schedule->entries->nelts; i++) {
        const struct schedule_entry *other =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        running += other->is_running && strcmp(other->upstream, entry->upstream) == 0;
    }
    return running < per_upstream;
}

struct schedule_entry *schedule_next(struct schedule *schedule, int64_t per_upstream,
                                     apr_time_t now, apr_time_t *wake)
{
    struct schedule_entry *chosen = NULL;

    *wake = now + LOOK_AGAIN;
    for (int i = 0; i < schedule->entries->nelts; i++) {
        struct schedule_entry *entry =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        if (is_waiting(entry, now)) {
            if ((chosen == NULL || goes_before(entry, chosen, now)) &&
                has_room(schedule, entry, per_upstream))
                chosen = entry;
        } else if (!entry->is_running && entry->next_start < *wake) {
            *wake = entry->next_start;
        }
    }
    return chosen;
}

int schedule_place(const struct schedule *schedule, const struct schedule_entry *entry,
                   apr_time_t now)
{
    int place = 0;

    if (!is_waiting(entry, now))
        return -1;
    for (int i = 0; i < schedule->entries->nelts; i++) {
        const struct schedule_entry *other =
            APR_ARRAY_IDX(schedule->entries, i, struct schedule_entry *);

        place +=
            other != entry && is_waiting(other, now) && goes_before(other, entry, now);
    }
    return place;
}

void schedule_ran(struct schedule_entry *entry, bool succeeded, apr_time_t pause,
                  uint64_t chance, apr_time_t now)
{
    apr_time_t spread = pause / 10;

    entry->is_running = false;
    entry->was_cut = false;
    if (succeeded)
        entry->last_snapshot = now;
    entry->next_start = now + pause;
    if (spread > 0)
        entry->next_start += (apr_time_t)(chance % (uint64_t)(2 * spread)) - spread;
}

void schedule_hasten(struct schedule_entry *entry, apr_time_t when)
{
    if (when != 0 && when < entry->next_start)
        entry->next_start = when;
}
