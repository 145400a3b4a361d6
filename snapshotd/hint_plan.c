/* SPDX-License-Identifier: Apache-2.0 */
/* What hints of newer revisions do to one replica's schedule. */
#include "snapshotd/hint_plan.h"

/* Between two runs, if the first brought all that was promised before it began, and if it
 * did not: who keeps his word may publish often. */
#define KEPT_PAUSE     (apr_time_from_sec(1) / 5)
#define RUN_PAUSE      apr_time_from_sec(1)
#define DOUBTFUL_PAUSE apr_time_from_sec(60)

/* Somebody in between may have kept the old manifest for a moment. */
static const apr_time_t pauses[] = {200000, 500000, 1000000, 2000000};
#define TRIES_MAX ((int)(sizeof(pauses) / sizeof(*pauses)))

static apr_time_t soonest(const struct hint_plan *plan, apr_time_t now)
{
    apr_time_t next = plan->started + (plan->was_kept ? KEPT_PAUSE : RUN_PAUSE);

    /* Further away than that only if the clock was set back. */
    return next > now && next <= now + RUN_PAUSE ? next : now;
}

/* What cannot be verified here, or was not there when it was looked for. */
static bool may_doubt(struct hint_plan *plan, apr_time_t now)
{
    if (now < plan->next_doubtful && plan->next_doubtful <= now + DOUBTFUL_PAUSE)
        return false;
    plan->next_doubtful = now + DOUBTFUL_PAUSE;
    return true;
}

/* Of a doubtful one the number is forgotten at once: it may be any. */
static bool note(struct hint_plan *plan, int64_t revision, bool is_verified,
                 apr_time_t now)
{
    if (!is_verified || revision <= plan->missed)
        return may_doubt(plan, now);
    if (revision <= plan->wanted)
        return false;
    plan->wanted = revision;
    plan->tries = 0;
    return true;
}

apr_time_t hint_plan_take(struct hint_plan *plan, int64_t revision, bool is_verified,
                          bool is_running, apr_time_t now)
{
    if (!note(plan, revision, is_verified, now))
        return 0;
    plan->is_told = true;
    plan->is_late = is_running;
    return is_running ? 0 : soonest(plan, now);
}

static apr_time_t next_try(struct hint_plan *plan, bool was_late, apr_time_t now)
{
    if (was_late)
        return soonest(plan, now);
    if (plan->wanted == 0)
        return 0;
    if (plan->tries < TRIES_MAX)
        return now + pauses[plan->tries++];
    plan->missed = plan->wanted;
    plan->wanted = 0;
    return 0;
}

apr_time_t hint_plan_ran(struct hint_plan *plan, int64_t revision, apr_time_t started,
                         apr_time_t now)
{
    /* What came while the promised revision was fetched told of just that one. */
    bool was_late = plan->is_late && (plan->wanted == 0 || revision < plan->wanted);
    apr_time_t next;

    plan->started = started;
    plan->is_late = false;
    plan->was_kept = revision >= plan->wanted;
    if (plan->was_kept)
        plan->wanted = 0;
    if (revision >= plan->missed)
        plan->missed = 0;
    next = next_try(plan, was_late, now);
    plan->is_told = next != 0;
    return next;
}
