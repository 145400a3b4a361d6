/* SPDX-License-Identifier: Apache-2.0 */
/* The progress of a snapshot, for people. */
#include "replicactl/progress.h"

#include <stdio.h>
#include <unistd.h>

#define TERMINAL_STEP apr_time_from_msec(200)
#define LOG_STEP      apr_time_from_sec(60)

void progress_init(struct progress *progress)
{
    *progress = (struct progress){
        .is_terminal = isatty(STDOUT_FILENO),
        .started = apr_time_now(),
        .shown = apr_time_now(),
    };
}

void progress_end(struct progress *progress)
{
    if (progress->line_is_open)
        fputs("\r\033[K", stdout);
    progress->line_is_open = false;
}

void progress_say(void *baton, const char *line)
{
    progress_end(baton);
    puts(line);
    fflush(stdout);
}

/* "12.3 MiB" */
static const char *with_unit(char text[32], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

/* How many catalogs there are shows only as they are read: an estimate from the share
 * that is complete is honest once there are a few. */
static void format_estimate(char text[48], const struct progress *progress,
                            const struct catalog_walk_counters *counters, apr_time_t now)
{
    int64_t known = counters->catalogs_stored + counters->catalogs_pending;
    double share = known > 0 ? (double)counters->catalogs_stored / (double)known : 0;
    double elapsed = (double)(now - progress->started) / APR_USEC_PER_SEC;

    if (counters->catalogs_stored < 3 || share <= 0)
        snprintf(text, 48, "estimating");
    else
        snprintf(text, 48, "about %.0f s left", elapsed * (1 - share) / share);
}

void progress_show(void *baton, const struct catalog_walk_counters *counters)
{
    struct progress *progress = baton;
    char bytes[32], rate[32], estimate[48];
    apr_time_t now = apr_time_now(), step = now - progress->shown;
    double recent;

    if (step < (progress->is_terminal ? TERMINAL_STEP : LOG_STEP))
        return;
    recent = (double)(counters->bytes_fetched - progress->shown_bytes) *
             APR_USEC_PER_SEC / (double)step;
    progress->rate = progress->rate > 0 ? 0.8 * progress->rate + 0.2 * recent : recent;
    progress->shown = now;
    progress->shown_bytes = counters->bytes_fetched;
    format_estimate(estimate, progress, counters, now);
    printf("%s%lld objects, %s, %s/s, catalogs %lld of %lld, %s%s",
           progress->is_terminal ? "\r\033[K" : "", (long long)counters->objects_fetched,
           with_unit(bytes, (double)counters->bytes_fetched),
           with_unit(rate, progress->rate), (long long)counters->catalogs_stored,
           (long long)(counters->catalogs_stored + counters->catalogs_pending), estimate,
           progress->is_terminal ? "" : "\n");
    progress->line_is_open = progress->is_terminal;
    fflush(stdout);
}
