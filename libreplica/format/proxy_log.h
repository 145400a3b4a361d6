/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Squid's access log: the shipped `replica` format, Squid's own "common",
 * "combined" and native ones. Pure. Source: conf/squid/squid-accelerator.conf. */
#ifndef REPLICA_FORMAT_PROXY_LOG_H
#define REPLICA_FORMAT_PROXY_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "libreplica/base/error.h"
#include "libreplica/format/policy_query.h"

/* One line. The texts point into it, or into the buffer. What a line does not say is
 * empty. */
struct proxy_log_line {
    struct text time; /* as it is written there */
    struct text client;
    struct text method;
    struct text url;
    int status;    /* 0: there was no answer */
    int64_t bytes; /* to the client, with headers */
    struct text result;
    bool is_request; /* not a connection that ended before there was one */
    bool is_hit;     /* by Squid's own count */
    bool is_denied;  /* by http_access */
    enum policy_kind kind;
    struct text repository; /* a name, or empty */
    struct text rule;       /* that decided, "file:line" */
    struct text store_id;
    struct text rewrite; /* lines that applied */
};

/* Parse TEXT, without its LF. Kind and repository are what the line notes or, if it notes
 * nothing, what its URL says.
 *   buffer   of at least TEXT.length bytes
 * False: ERROR_BAD_FORMAT, a clause that says what is missing. Thread-safe. */
bool proxy_log_parse(struct proxy_log_line *line, struct text text, char *buffer,
                     struct error *error);

#endif
