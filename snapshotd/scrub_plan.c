/* SPDX-License-Identifier: Apache-2.0 */
/* Which replica is scrubbed or mended next. */
#include "snapshotd/scrub_plan.h"

#include <stdlib.h>
#include <string.h>

#include "libreplica/operate/served_objects.h"

static enum scrub_work work_of(const struct scrub_entry *entry, bool reads,
                               apr_time_t interval, apr_time_t now)
{
    if (!entry->is_served)
        return SCRUB_NOTHING;
    if (entry->reported_count > 0 && now >= entry->next_look)
        return SCRUB_REPORTS;
    if (entry->open > 0 && now >= entry->next_try)
        return SCRUB_TRIES;
    if (reads && now >= entry->next_read &&
        (entry->is_in_round || now >= entry->last_ended + interval))
        return SCRUB_READS;
    return SCRUB_NOTHING;
}

static bool goes_before(const struct scrub_entry *a, const struct scrub_entry *b)
{
    if (a->is_in_round != b->is_in_round)
        return a->is_in_round;
    return a->last_ended < b->last_ended;
}

enum scrub_work scrub_plan_next(struct scrub_entry **entry,
                                const apr_array_header_t *entries, bool reads,
                                apr_time_t interval, apr_time_t now)
{
    enum scrub_work chosen = SCRUB_NOTHING;

    for (int i = 0; i < entries->nelts; i++) {
        struct scrub_entry *candidate = APR_ARRAY_IDX(entries, i, struct scrub_entry *);
        enum scrub_work work = work_of(candidate, reads, interval, now);

        if (work == SCRUB_NOTHING)
            continue;
        if (chosen == SCRUB_NOTHING || work < chosen ||
            (work == chosen && goes_before(candidate, *entry))) {
            chosen = work;
            *entry = candidate;
        }
    }
    return chosen;
}

bool scrub_entry_report(struct scrub_entry *entry, const struct object *object)
{
    int count = entry->reported_count, place = 0;

    while (place < count && served_objects_compare(&entry->reported[place], object) < 0)
        place++;
    if (count == SCRUB_REPORTED_MAX ||
        (place < count && served_objects_compare(&entry->reported[place], object) == 0))
        return false;
    memmove(&entry->reported[place + 1], &entry->reported[place],
            (size_t)(count - place) * sizeof(*object));
    entry->reported[place] = *object;
    entry->reported_count++;
    return true;
}
