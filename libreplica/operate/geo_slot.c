/* SPDX-License-Identifier: Apache-2.0 */
/* When a geo database is replaced. */
#include "libreplica/operate/geo_slot.h"

#include <stdint.h>

#define SECONDS_PER_DAY 86400
#define DELAY_SPAN      360
/* What is left of the day for those that come last. */
#define MINUTES_AFTER 30

static bool is_in_slot(const struct geo_slot_rules *rules, const struct tm *local)
{
    return local->tm_wday == rules->weekday &&
           local->tm_hour * 60 + local->tm_min >= rules->hour * 60 + rules->delay_minutes;
}

enum geo_slot_verdict geo_slot_judge(const struct geo_slot_rules *rules, time_t now,
                                     const struct tm *local, time_t written)
{
    long long days = ((long long)now - written) / SECONDS_PER_DAY;
    bool is_very_old = days > rules->maximum_days;

    if (!is_very_old && days <= rules->minimum_days)
        return GEO_SLOT_FRESH;
    if (!is_very_old && !is_in_slot(rules, local))
        return GEO_SLOT_WAIT;
    if (rules->tried_already)
        return GEO_SLOT_TRIED;
    return is_very_old ? GEO_SLOT_DUE_VERY_OLD : GEO_SLOT_DUE;
}

/* FNV-1a: neighbours in name need not be neighbours in time. */
static uint32_t spread(const char *identity)
{
    uint32_t hash = 2166136261u;

    for (; *identity != '\0'; identity++)
        hash = (hash ^ (unsigned char)*identity) * 16777619u;
    return hash ^ (hash >> 15);
}

int geo_slot_delay(const char *identity, int hour)
{
    int left = (24 - hour) * 60 - MINUTES_AFTER;

    return (int)(spread(identity) % (uint32_t)(left < DELAY_SPAN ? left : DELAY_SPAN));
}
