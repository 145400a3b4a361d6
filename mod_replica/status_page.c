/* SPDX-License-Identifier: Apache-2.0 */
/* The page for people. */
#include "mod_replica/status_page.h"

#include <apr_strings.h>
#include <httpd.h>

#include "libreplica/base/date.h"
#include "libreplica/base/human.h"

#define DAY INT64_C(86400)

/* From here on a person should look. */
#define OLD_WHITELIST_SECONDS (2 * DAY)
#define OLD_GEO_SECONDS       (30 * DAY)
#define LITTLE_SPACE_PERCENT  5

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"refresh\" content=\"60\">\n"
    "<title>%s: replicas</title>\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1c2330;--soft:#687385;--line:#dde2ea;"
    "--paper:#f6f7f9;--card:#fff;--good:#1a7f4b;--bad:#c4322b;--warn:#96690a;--run:#"
    "1f5fbf}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#95a0b3;--line:#2c3442;"
    "--paper:#12161d;--card:#1a202a;--good:#52c98a;--bad:#ff7b72;--warn:#e0b04c;"
    "--run:#7fb0ff}}\n"
    "body{margin:0;padding:2rem;background:var(--paper);color:var(--ink);"
    "font:15px/1.45 system-ui,sans-serif;font-variant-numeric:tabular-nums}\n"
    "h1{font-size:1.5rem;margin:0}header p,small,.soft{color:var(--soft)}\n"
    "header p{margin:.2rem 0 1.5rem}\n"
    ".facts{display:flex;flex-wrap:wrap;gap:1rem;margin:0 0 1.5rem}\n"
    ".facts div,.table{background:var(--card);border:1px solid var(--line);"
    "border-radius:10px}\n"
    ".facts div{padding:.8rem 1.1rem;min-width:12rem}.facts b{display:block}\n"
    ".facts b{font-size:1.15rem}.table{overflow-x:auto}\n"
    "table{border-collapse:collapse;width:100%%}th,td{padding:.6rem "
    ".65rem;text-align:left;"
    "border-top:1px solid var(--line);vertical-align:middle;white-space:nowrap}\n"
    "thead th{border-top:0;color:var(--soft);font-weight:500;font-size:.85rem}\n"
    "tbody th{font-weight:600}.n{text-align:right}small{display:block}\n"
    "td:nth-child(2) small,td:last-child{white-space:normal}\n"
    ".e td{white-space:normal;color:var(--bad);border-top:0;padding-top:0}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}"
    ".run{color:var(--run)}\n"
    ".axis{display:flex;justify-content:space-between;max-width:260px}"
    "svg{display:block}svg line{stroke:var(--line)}rect.ok{fill:var(--good)}"
    "rect.failed{fill:var(--bad);opacity:.75}\n"
    "</style></head><body>\n";

/* The number of seconds from one time to another, for people; nothing without a time. */
static const char *since(apr_time_t when, apr_time_t now, apr_pool_t *pool)
{
    if (when <= 0)
        return "";
    return human_duration(when < now ? apr_time_sec(now - when) : 0, pool);
}

static const char *class_of(enum repository_state state)
{
    switch (state) {
    case REPOSITORY_OUT_OF_SERVICE:
    case REPOSITORY_FAILING:
    case REPOSITORY_EXPIRING:
        return "bad";
    case REPOSITORY_NEVER_SNAPSHOTTED:
    case REPOSITORY_OLD:
        return "warn";
    case REPOSITORY_IN_PROGRESS:
        return "run";
    case REPOSITORY_PASSED_THROUGH:
        return "soft";
    case REPOSITORY_PUBLISHED_HERE:
    case REPOSITORY_GOOD:
    default:
        return "good";
    }
}

static void add_state(struct text_builder *page,
                      const struct repository_report *repository, apr_time_t now)
{
    enum repository_state state = repository_report_state(repository, now);

    text_builder_add(page, "<td class=\"%s\">%s", class_of(state),
                     repository_state_name(state));
    if (repository->is_partial)
        text_builder_add(page, ", partial");
    if (repository->running_since > 0) {
        text_builder_add(page, "<small>since %s",
                         since(repository->running_since, now, page->pool));
        if (repository->running_objects >= 0)
            text_builder_add(page, ", %" APR_INT64_T_FMT " objects, %s",
                             (apr_int64_t)repository->running_objects,
                             human_size(repository->running_bytes, page->pool));
        text_builder_add(page, "</small>");
    }
    text_builder_add(page, "</td>");
}

static void add_revision(struct text_builder *page,
                         const struct repository_report *repository, apr_time_t now)
{
    if (repository->revision < 0) {
        text_builder_add(page, "<td class=\"n\"></td>");
        return;
    }
    text_builder_add(
        page, "<td class=\"n\">%" APR_INT64_T_FMT "<small>%s old</small></td>",
        (apr_int64_t)repository->revision, since(repository->published, now, page->pool));
}

static void add_lag(struct text_builder *page, const struct repository_report *repository,
                    apr_time_t now)
{
    int64_t lag = repository_report_lag(repository, now);

    if (lag < 0)
        text_builder_add(page, "<td class=\"n\"></td>");
    else if (lag == 0)
        text_builder_add(page, "<td class=\"n soft\">none</td>");
    else
        text_builder_add(page,
                         "<td class=\"n warn\">%s<small>upstream has %" APR_INT64_T_FMT
                         "</small></td>",
                         human_duration(lag, page->pool),
                         (apr_int64_t)repository->upstream_revision);
}

static void add_whitelist(struct text_builder *page,
                          const struct repository_report *repository, apr_time_t now)
{
    int64_t left = apr_time_sec(repository->whitelist_expires - now);

    if (repository->whitelist_expires == 0)
        text_builder_add(page, "<td class=\"n\"></td>");
    else if (left <= 0)
        text_builder_add(page, "<td class=\"n bad\">expired</td>");
    else
        text_builder_add(page, "<td class=\"n%s\">%s</td>",
                         left < OLD_WHITELIST_SECONDS ? " warn" : "",
                         human_duration(left, page->pool));
}

static void add_trouble(struct text_builder *page, const char *text)
{
    if (text != NULL)
        text_builder_add(
            page, "<tr class=\"e\"><td></td><td colspan=\"8\">%s</td></tr>\n",
            ap_escape_html(page->pool, text_for_people(text_of(text), 1024, page->pool)));
}

static const char *damage_of(const struct repository_report *repository, apr_pool_t *pool)
{
    if (repository->scrub_open == 0)
        return NULL;
    return apr_psprintf(
        pool, "%d objects are damaged or missing, and no upstream gave them yet",
        repository->scrub_open);
}

/* When its whole store was last read. */
static void add_scrub(struct text_builder *page,
                      const struct repository_report *repository, apr_time_t now)
{
    text_builder_add(page, "<td class=\"n%s\">%s%s",
                     repository->scrub_open > 0 ? " bad" : "",
                     since(repository->last_scrub, now, page->pool),
                     repository->last_scrub > 0 ? " ago" : "");
    if (repository->scrub_percent >= 0)
        text_builder_add(page, "<small>%d&#8239;%% of the next</small>",
                         repository->scrub_percent);
    text_builder_add(page, "</td>");
}

static void add_row(struct text_builder *page, const struct repository_report *repository,
                    apr_time_t now)
{
    text_builder_add(page, "<tr><th scope=\"row\">%s",
                     ap_escape_html(page->pool, repository->local_name));
    if (strcmp(repository->local_name, repository->fqrn) != 0)
        text_builder_add(page, "<small>%s</small>",
                         ap_escape_html(page->pool, repository->fqrn));
    text_builder_add(page, "</th>");
    add_state(page, repository, now);
    add_revision(page, repository, now);
    text_builder_add(page, "<td class=\"n\">%s%s</td>",
                     since(repository->last_snapshot, now, page->pool),
                     repository->last_snapshot > 0 ? " ago" : "");
    add_lag(page, repository, now);
    text_builder_add(page, "<td>");
    status_chart_add(page, repository, now);
    text_builder_add(page, "</td>");
    add_whitelist(page, repository, now);
    add_scrub(page, repository, now);
    text_builder_add(page, "<td class=\"n\">%s</td></tr>\n",
                     repository_report_next(repository, now, page->pool));
    add_trouble(page, repository->problem);
    add_trouble(page, repository->last_error);
    add_trouble(page, repository->signing_error);
    add_trouble(page, damage_of(repository, page->pool));
}

static void add_space(struct text_builder *page, const struct server_report *report)
{
    bool is_little =
        report->free_bytes < report->total_bytes / 100 * LITTLE_SPACE_PERCENT;

    if (report->total_bytes == 0)
        return;
    text_builder_add(page,
                     "<div><span class=\"soft\">Free space</span><b%s>%s</b>"
                     "<small>of %s, %s</small></div>\n",
                     is_little ? " class=\"warn\"" : "",
                     human_size(report->free_bytes, page->pool),
                     human_size(report->total_bytes, page->pool),
                     ap_escape_html(page->pool, report->storage));
}

static void add_geo(struct text_builder *page, const struct server_report *report)
{
    apr_time_t built = apr_time_from_sec(report->geo.build_epoch);
    bool is_old = report->now - built > apr_time_from_sec(OLD_GEO_SECONDS);

    text_builder_add(page, "<div><span class=\"soft\">Geo database</span>");
    if (!report->geo.is_there)
        text_builder_add(page, "<b>none</b><small>the geo API answers 503</small>");
    else if (built == 0)
        text_builder_add(page, "<b class=\"bad\">damaged</b>");
    else
        text_builder_add(
            page,
            "<b%s>%s old</b><small>installed %s ago, %" APR_INT64_T_FMT
            " days left</small>",
            is_old ? " class=\"warn\"" : "", since(built, report->now, page->pool),
            since(apr_time_from_sec(report->geo.written), report->now, page->pool),
            (apr_int64_t)server_report_geo_days_left(report));
    if (report->geo_error != NULL)
        text_builder_add(page, "<small class=\"bad\">the last update failed</small>");
    text_builder_add(page, "</div>\n");
}

/* That of one; of several how many are connected. */
static void add_event_sources(struct text_builder *page,
                              const struct server_report *report)
{
    int count = report->event_sources->nelts, connected = 0;
    apr_time_t last = 0;

    if (count == 0)
        return;
    for (int i = 0; i < count; i++) {
        const struct event_source_report *source =
            &APR_ARRAY_IDX(report->event_sources, i, struct event_source_report);

        connected += source->connected_since > 0;
        last = source->last_event > last ? source->last_event : last;
    }
    text_builder_add(page,
                     "<div><span class=\"soft\">Event sources</span><b%s>%d of %d</b>"
                     "<small>connected%s%s%s</small></div>\n",
                     connected < count ? " class=\"warn\"" : "", connected, count,
                     last > 0 ? ", last event " : "",
                     last > 0 ? since(last, report->now, page->pool) : "",
                     last > 0 ? " ago" : "");
}

static void add_count(struct text_builder *page, const struct server_report *report)
{
    int in_trouble = 0;

    for (int i = 0; i < report->repositories->nelts; i++) {
        const struct repository_report *repository =
            &APR_ARRAY_IDX(report->repositories, i, struct repository_report);

        in_trouble += repository->problem != NULL || repository->last_error != NULL ||
                      repository->scrub_open > 0;
    }
    text_builder_add(page,
                     "<div><span class=\"soft\">Repositories</span><b>%d</b>"
                     "<small%s>%d in trouble</small></div>\n",
                     report->repositories->nelts, in_trouble > 0 ? " class=\"bad\"" : "",
                     in_trouble);
}

const char *status_page_write(const struct server_report *report, const char *host,
                              apr_pool_t *pool)
{
    struct text_builder page = text_builder_create(pool);
    const char *name = ap_escape_html(pool, host);
    char now[DATE_UTC_SIZE];

    date_format_utc(now, report->now);
    text_builder_add(&page, head, name);
    text_builder_add(&page,
                     "<header><h1>%s</h1><p>%s</p></header>\n<main>\n"
                     "<section class=\"facts\">\n",
                     name, now);
    add_count(&page, report);
    add_space(&page, report);
    add_geo(&page, report);
    add_event_sources(&page, report);
    text_builder_add(
        &page,
        "</section>\n<div class=\"table\"><table>\n<thead><tr><th>Repository</th>"
        "<th>State</th><th class=\"n\">Revision</th><th class=\"n\">Last snapshot</th>"
        "<th class=\"n\">Lag</th>"
        "<th>Snapshots that brought something</th><th class=\"n\">Whitelist</th>"
        "<th class=\"n\">Verified</th>"
        "<th class=\"n\">Next in</th>"
        "</tr></thead>\n<tbody>\n");
    for (int i = 0; i < report->repositories->nelts; i++)
        add_row(&page, &APR_ARRAY_IDX(report->repositories, i, struct repository_report),
                report->now);
    text_builder_add(&page, "</tbody></table></div>\n</main></body></html>\n");
    return text_builder_text(&page);
}
