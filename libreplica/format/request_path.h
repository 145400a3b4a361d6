/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of URLs, one pure parser for the module, the helpers and the log tools.
 * Source: stratum1-http-and-ops 1.1, 2.1. */
#ifndef REPLICA_FORMAT_REQUEST_PATH_H
#define REPLICA_FORMAT_REQUEST_PATH_H

#include <stdbool.h>
#include "libreplica/base/text.h"
#include "libreplica/format/object.h"

enum request_kind {
    REQUEST_UNKNOWN,           /* not ours or malformed: 404 */
    REQUEST_ROBOTS,            /* U17 */
    REQUEST_MANIFEST,          /* U1 */
    REQUEST_WHITELIST,         /* U2 */
    REQUEST_WHITELIST_PKCS7,   /* U3 */
    REQUEST_OBJECT,            /* U4 */
    REQUEST_REFLOG,            /* U5 */
    REQUEST_STATUS_FILE,       /* U6 */
    REQUEST_LAST_SNAPSHOT,     /* U7 */
    REQUEST_IS_SNAPSHOTTING,   /* U8 */
    REQUEST_MASTER_REPLICA,    /* U9 */
    REQUEST_ALTERNATIVE_PATH,  /* U10 */
    REQUEST_EMPTY_PROBE,       /* U11 */
    REQUEST_PARTIAL_REPLICA,   /* U12 */
    REQUEST_API,               /* U13 */
    REQUEST_REPOSITORIES_INFO, /* U14 */
    REQUEST_META_INFO,         /* U15 */
    REQUEST_KEY_FILE,          /* a public key or a certificate */
    REQUEST_STATUS_PAGE,       /* of this server, for people */
    REQUEST_STATUS_METRICS,    /* for Prometheus */
    REQUEST_STATUS_JSON,       /* for programs */
    REQUEST_REPOSITORY_FILES,  /* of the upload door */
    REQUEST_REPOSITORY_FILE,   /* also */
    REQUEST_COLLECT,           /* also, as the next two: of all repositories */
    REQUEST_HOUSEKEEPING,
    REQUEST_RESIGN,
    REQUEST_KIND_COUNT
};

struct request_path {
    enum request_kind kind;
    struct text repository; /* local name; empty for kinds outside a repository */
    struct object object;   /* REQUEST_OBJECT, REQUEST_ALTERNATIVE_PATH */
    struct text file_name;  /* last component of meta, info and key kinds */
    struct text api;        /* REQUEST_API: what follows "/api/" */
    struct text upload;     /* REQUEST_REPOSITORY_FILE: from the slash on; any bytes */
};

/* Parse a percent-decoded path (no query). The spans point into PATH. Never fails: what
 * is not in the grammar is REQUEST_UNKNOWN. Thread-safe, pure. */
struct request_path request_path_parse(struct text path);

/* Whether RAW, a URL as it was sent (still percent-encoded, no query), means what it
 * says: no encoded slash or NUL, and no component "." or "..", encoded or not. Servers
 * resolve those before anybody can parse the path. Thread-safe, pure. */
bool request_path_is_plain(struct text raw);

/* "manifest", "object", ...: for routes, access logs and docs/requests.md. */
const char *request_kind_name(enum request_kind kind);

#endif
