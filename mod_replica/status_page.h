/* SPDX-License-Identifier: Apache-2.0 */
/* A server's report in the forms of the status door. */
#ifndef REPLICA_MOD_STATUS_PAGE_H
#define REPLICA_MOD_STATUS_PAGE_H

#include "libreplica/store/server_report.h"
#include "mod_replica/text_builder.h"

/* A page for people: one row a repository; no scripts, nothing from elsewhere.
 *   host   name of the server */
const char *status_page_write(const struct server_report *report, const char *host,
                              apr_pool_t *pool);

/* status_chart.c: the last snapshots over time, as inline SVG. */
void status_chart_add(struct text_builder *page,
                      const struct repository_report *repository, apr_time_t now);

/* status_metrics.c: the text format of Prometheus. */
const char *status_metrics_write(const struct server_report *report, apr_pool_t *pool);

#endif
