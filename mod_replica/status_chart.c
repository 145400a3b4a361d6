/* SPDX-License-Identifier: Apache-2.0 */
/* The last snapshots of a repository over time: a bar each, as wide as it took, as high
 * as what it fetched. */
#include "mod_replica/status_page.h"

#include <math.h>

#include "libreplica/base/date.h"
#include "libreplica/base/human.h"
#include "libreplica/format/snapshot_history.h"

#define WIDTH     260.0
#define HEIGHT    36.0
#define BAR_LEAST 3.0
/* From a KiB, a dot, to a TiB, the whole height. */
#define SMALLEST_LOG 10.0
#define LARGEST_LOG  40.0

struct scale {
    apr_time_t from;
    apr_time_t to;
};

static const struct snapshot_record *record_at(const apr_array_header_t *history, int i)
{
    return &APR_ARRAY_IDX(history, i, struct snapshot_record);
}

static double place(const struct scale *scale, apr_time_t when)
{
    double share = (double)(when - scale->from) / (double)(scale->to - scale->from);

    return WIDTH * fmin(fmax(share, 0), 1);
}

/* Bytes span so many orders that only their logarithm fits. */
static double bar_height(const struct snapshot_record *record)
{
    double size = log2(fmax((double)record->bytes, 1));
    double share = (size - SMALLEST_LOG) / (LARGEST_LOG - SMALLEST_LOG);

    return fmax(BAR_LEAST, HEIGHT * fmin(fmax(share, 0), 1));
}

static void add_bar(struct text_builder *page, const struct snapshot_record *record,
                    const struct scale *scale)
{
    bool is_ok = snapshot_record_is_ok(record);
    double left = place(scale, record->started), right = place(scale, record->ended);
    double height = is_ok ? bar_height(record) : HEIGHT;
    double width = fmax(BAR_LEAST, right - left);
    char ended[DATE_UTC_SIZE];

    if (left > WIDTH - width)
        left = WIDTH - width;
    date_format_iso(ended, record->ended);
    text_builder_add(page,
                     "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                     "height=\"%.1f\"><title>%s: ",
                     is_ok ? "ok" : "failed", left, HEIGHT - height, width, height,
                     ended);
    /* The result is a word of lower-case letters and dashes. */
    if (is_ok)
        text_builder_add(page, "revision %" APR_INT64_T_FMT,
                         (apr_int64_t)record->revision);
    else
        text_builder_add(page, "failed, %s", record->result);
    text_builder_add(
        page, ", %s in %s</title></rect>", human_size(record->bytes, page->pool),
        human_duration(apr_time_sec(record->ended - record->started), page->pool));
}

void status_chart_add(struct text_builder *page,
                      const struct repository_report *repository, apr_time_t now)
{
    const apr_array_header_t *history = repository->history;
    struct scale scale = {.to = now};
    int failed = 0;

    if (history->nelts == 0)
        return;
    scale.from = record_at(history, 0)->started;
    if (scale.from >= now) /* the clock was set back */
        scale.from = now - 1;
    for (int i = 0; i < history->nelts; i++)
        failed += !snapshot_record_is_ok(record_at(history, i));
    text_builder_add(page,
                     "<svg viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                     "role=\"img\" aria-label=\"%d snapshots in %s, %d failed\">"
                     "<line x1=\"0\" y1=\"%.1f\" x2=\"%.0f\" y2=\"%.1f\"/>",
                     WIDTH, HEIGHT, WIDTH, HEIGHT, history->nelts,
                     human_duration(apr_time_sec(now - scale.from), page->pool), failed,
                     HEIGHT - 0.5, WIDTH, HEIGHT - 0.5);
    for (int i = 0; i < history->nelts; i++)
        add_bar(page, record_at(history, i), &scale);
    text_builder_add(
        page, "</svg><small class=\"axis\"><span>%s ago</span><span>now</span></small>",
        human_duration(apr_time_sec(now - scale.from), page->pool));
}
