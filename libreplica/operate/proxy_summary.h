/* SPDX-License-Identifier: Apache-2.0 */
/* What logs of Squid say, in numbers. Memory does not grow with the logs. */
#ifndef REPLICA_OPERATE_PROXY_SUMMARY_H
#define REPLICA_OPERATE_PROXY_SUMMARY_H

#include <apr_hash.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/format/proxy_log.h"

/* Of repositories and of rules, each; the rest is counted together. */
#define PROXY_NAMES_MAX       10000
#define PROXY_LINE_SIZE_MAX   (64 * 1024)
#define PROXY_TIME_SIZE       40
#define PROXY_BAD_LINE_SIZE   512
#define PROXY_RULE_LENGTH_MAX 200

struct proxy_count {
    int64_t requests;
    int64_t hits;
    int64_t denied;
    int64_t failed; /* answered with 5xx */
    int64_t bytes;
    int64_t hit_bytes;
};

struct proxy_named_count {
    const char *name;
    struct proxy_count count;
};

struct proxy_names {
    apr_hash_t *counts;        /* name: struct proxy_named_count */
    struct proxy_count none;   /* requests without any */
    struct proxy_count others; /* of names beyond PROXY_NAMES_MAX */
};

struct proxy_summary {
    apr_pool_t *pool;
    int64_t lines;
    int64_t bad_lines;
    char first_bad[PROXY_BAD_LINE_SIZE]; /* "file:line: reason", or empty */
    char first[PROXY_TIME_SIZE], last[PROXY_TIME_SIZE]; /* as in the log; or empty */
    int64_t empty_connections; /* that ended before there was a request */
    int64_t shared;            /* requests that StoreID gave a common key */
    int64_t rewritten;
    struct proxy_count all;
    struct proxy_count kinds[POLICY_KIND_COUNT];
    struct proxy_names repositories;
    struct proxy_names rules;
};

/* Nothing yet. POOL owns it. */
struct proxy_summary *proxy_summary_create(apr_pool_t *pool);

/* Add what is read from DESCRIPTOR, line by line to its end, or until *STOP. Bad lines
 * are counted, and the first is told by NAME and number. False: it cannot be read. */
bool proxy_summary_read(struct proxy_summary *summary, int descriptor, const char *name,
                        const volatile int *stop, struct error *error);

/* Array of const struct proxy_named_count *: most denied first, if DENIED_FIRST, then
 * most bytes, most requests, by name. */
apr_array_header_t *proxy_names_list(const struct proxy_names *names, bool denied_first,
                                     apr_pool_t *pool);

/* For programs; ends with LF. NULL: no memory. */
const char *proxy_summary_json(const struct proxy_summary *summary, apr_pool_t *pool);

#endif
