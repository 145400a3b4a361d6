/* SPDX-License-Identifier: Apache-2.0 */
/* Rest and probes of one server. */
#include "libreplica/net/circuit_breaker.h"

/* Fewer than a try and its usual retries, so that one request can settle it. */
#define FAILURES_MAX 4
#define PAUSE_FIRST  apr_time_from_sec(2)
#define PAUSE_MOST   apr_time_from_sec(300)

void circuit_breaker_init(struct circuit_breaker *breaker)
{
    *breaker = (struct circuit_breaker){0};
}

static void open_for(struct circuit_breaker *breaker, apr_time_t pause, apr_time_t now)
{
    breaker->is_open = true;
    breaker->is_probing = false;
    breaker->pause = pause < PAUSE_MOST ? pause : PAUSE_MOST;
    breaker->rests_until = now + breaker->pause;
}

void circuit_breaker_trip(struct circuit_breaker *breaker, apr_time_t now)
{
    if (!breaker->is_open)
        open_for(breaker, PAUSE_FIRST, now);
}

bool circuit_breaker_is_due(const struct circuit_breaker *breaker, apr_time_t now)
{
    return !breaker->is_open || (now >= breaker->rests_until && !breaker->is_probing);
}

bool circuit_breaker_begin(struct circuit_breaker *breaker)
{
    breaker->is_probing = breaker->is_open;
    return breaker->is_probing;
}

void circuit_breaker_note(struct circuit_breaker *breaker, bool is_good, apr_time_t now)
{
    if (is_good) {
        circuit_breaker_init(breaker);
        return;
    }
    breaker->failures++;
    if (!breaker->is_open) {
        if (breaker->failures >= FAILURES_MAX)
            open_for(breaker, PAUSE_FIRST, now);
        return;
    }
    /* What else was under way when it opened says nothing new. */
    if (breaker->is_probing || now >= breaker->rests_until)
        open_for(breaker, 2 * breaker->pause, now);
}

void circuit_breaker_forget_probe(struct circuit_breaker *breaker)
{
    breaker->is_probing = false;
}
