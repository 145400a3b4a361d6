/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the right number of connections. */
#include "libreplica/net/connection_limit.h"

#define LIMIT_FIRST 8
/* A window is long enough when each connection had its turn. */
#define WINDOW_LEAST (apr_time_from_sec(1) / 20)
#define WINDOW_MOST  apr_time_from_sec(2)
/* Objects are counted; only where they are as large as this on average, bytes are too:
 * those of a few large ones among small ones would be chance. */
#define LARGE_BYTES (128 * 1024)
/* A step that was worth it brings so much of what was added. It is judged after what was
 * asked for before it is through. */
#define GAIN 0.4
/* Failures among tries: one in so many stops growth, halves the limit. A single one is
 * chance. */
#define FAILURES_STOP    50
#define FAILURES_SHRINK  10
#define PAUSE_FIRST      apr_time_from_sec(1)
#define PAUSE_MOST       apr_time_from_sec(30)
#define PAUSE_OVERLOADED apr_time_from_sec(5)
/* After the server failed, steps are small for a while. */
#define CAREFUL_TIME apr_time_from_sec(60)
/* What was under way when the limit was halved says nothing about the new one. */
#define SHRINK_INTERVAL apr_time_from_sec(1)

static void begin_window(struct connection_limit *limit, apr_time_t now)
{
    limit->began = now;
    limit->bytes = 0;
    limit->ended = 0;
    limit->ended_full = 0;
    limit->failed = 0;
}

void connection_limit_init(struct connection_limit *limit, int most, apr_time_t now)
{
    *limit = (struct connection_limit){
        .limit = most < LIMIT_FIRST ? most : LIMIT_FIRST,
        .most = most,
        .doubling_below = most,
        .pause = PAUSE_FIRST,
    };
    begin_window(limit, now);
}

static void shrink(struct connection_limit *limit, apr_time_t pause, apr_time_t now)
{
    limit->limit = limit->limit > 1 ? limit->limit / 2 : 1;
    limit->doubling_below = limit->limit;
    limit->is_on_trial = false;
    limit->to_settle = 0;
    limit->step_after = now + pause;
    limit->shrink_after = now + SHRINK_INTERVAL;
    limit->careful_until = now + CAREFUL_TIME;
    begin_window(limit, now);
}

void connection_limit_note(struct connection_limit *limit, enum try_end end, bool is_full,
                           apr_time_t now)
{
    if (limit->to_settle > 0) {
        if (--limit->to_settle == 0)
            begin_window(limit, now);
    } else {
        limit->ended++;
        limit->ended_full += is_full;
        limit->failed += end != TRY_GOOD;
    }
    if (end == TRY_OVERLOADED && now >= limit->shrink_after)
        shrink(limit, PAUSE_OVERLOADED, now);
}

void connection_limit_receive(struct connection_limit *limit, int64_t bytes)
{
    limit->bytes += bytes;
}

static void step(struct connection_limit *limit)
{
    bool is_large = limit->limit < limit->doubling_below;
    int more = limit->limit / 4 > 0 ? limit->limit / 4 : 1;

    limit->before = limit->limit;
    limit->limit += is_large ? limit->limit : more;
    if (limit->limit > limit->most)
        limit->limit = limit->most;
    limit->is_on_trial = true;
    limit->to_settle = limit->before;
    limit->gain_least = 1 + GAIN * (limit->limit - limit->before) / limit->before;
}

/* The step brought nothing: back, and patience. */
static void step_back(struct connection_limit *limit, apr_time_t now)
{
    limit->limit = limit->before;
    limit->doubling_below = limit->limit;
    limit->is_on_trial = false;
    limit->step_after = now + limit->pause;
    limit->pause = limit->pause * 2 < PAUSE_MOST ? limit->pause * 2 : PAUSE_MOST;
}

/* Whether the step on trial brought something. */
static bool has_gained(const struct connection_limit *limit, double objects, double bytes)
{
    return objects >= limit->objects_rate * limit->gain_least ||
           (limit->bytes >= (int64_t)limit->ended * LARGE_BYTES &&
            bytes >= limit->bytes_rate * limit->gain_least);
}

static void judge(struct connection_limit *limit, apr_time_t now)
{
    double length = (double)(now - limit->began);
    double objects = limit->ended / length, bytes = (double)limit->bytes / length;

    if (limit->is_on_trial) {
        if (!has_gained(limit, objects, bytes)) {
            step_back(limit, now);
            return;
        }
        limit->is_on_trial = false;
        limit->pause = PAUSE_FIRST;
        if (now >= limit->careful_until)
            limit->doubling_below = limit->most;
    }
    limit->objects_rate = objects;
    limit->bytes_rate = bytes;
    if (limit->limit < limit->most && now >= limit->step_after &&
        limit->failed * FAILURES_STOP <= limit->ended)
        step(limit);
}

void connection_limit_update(struct connection_limit *limit, apr_time_t now)
{
    apr_time_t length = now - limit->began;

    if (limit->to_settle > 0 || length < WINDOW_LEAST ||
        (limit->ended < limit->limit && length < WINDOW_MOST))
        return;
    if (limit->failed > 1 && limit->failed * FAILURES_SHRINK > limit->ended &&
        now >= limit->shrink_after)
        shrink(limit, PAUSE_FIRST, now);
    else if (limit->ended_full * 4 >= limit->ended * 3)
        judge(limit, now);
    begin_window(limit, now);
}
