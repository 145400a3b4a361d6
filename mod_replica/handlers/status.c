/* SPDX-License-Identifier: Apache-2.0 */
/* /replica-status/: how this server and its repositories are doing. */
#include "mod_replica/handlers/handlers.h"

#include <apr_network_io.h>

#include "mod_replica/reply.h"
#include "mod_replica/status_page.h"

/* Whatever a repository's files hold, nothing of it is run or fetched. */
static const char page_policy[] = "default-src 'none'; style-src 'unsafe-inline'; "
                                  "base-uri 'none'; form-action 'none'";

static bool read_report(struct server_report *report, request_rec *r,
                        const struct replica_request *request, struct error *error)
{
    return server_report_read(report, request->config->confdir, request->config->settings,
                              r->request_time, r->pool, error);
}

int handle_status_page(request_rec *r, const struct replica_request *request)
{
    char host[APRMAXHOSTLEN + 1] = "";
    struct server_report report;
    struct error error;

    if (!read_report(&report, r, request, &error))
        return reply_error(r, &error, &reply_meta);
    apr_gethostname(host, sizeof(host), r->pool);
    apr_table_setn(r->headers_out, "Content-Security-Policy", page_policy);
    return reply_momentary(r, status_page_write(&report, host, r->pool),
                           "text/html; charset=utf-8");
}

int handle_status_metrics(request_rec *r, const struct replica_request *request)
{
    struct server_report report;
    struct error error;

    if (!read_report(&report, r, request, &error))
        return reply_error(r, &error, &reply_meta);
    return reply_momentary(r, status_metrics_write(&report, r->pool),
                           "text/plain; version=0.0.4; charset=utf-8");
}

int handle_status_json(request_rec *r, const struct replica_request *request)
{
    struct server_report report;
    struct error error;
    const char *text;

    if (!read_report(&report, r, request, &error))
        return reply_error(r, &error, &reply_meta);
    text = server_report_json(&report, r->pool);
    if (text == NULL) {
        error_set(&error, ERROR_IO, "the report cannot be written as JSON");
        return reply_error(r, &error, &reply_meta);
    }
    return reply_momentary(r, text, "application/json");
}
