/* SPDX-License-Identifier: Apache-2.0 */
/* What a URL asks for, for a cache that keeps one copy of what many URLs name. Pure.
 * Source: stratum1-http-and-ops 2.1, 2.3, 5.5. */
#ifndef REPLICA_FORMAT_STORE_REQUEST_H
#define REPLICA_FORMAT_STORE_REQUEST_H

#include <stdbool.h>
#include "libreplica/base/text.h"

enum store_kind {
    STORE_NOTHING, /* its URL is its only name */
    STORE_OBJECT,  /* is its content's hash */
    STORE_GEO      /* a question about servers */
};

struct store_request {
    enum store_kind kind;
    const char *reason; /* of STORE_NOTHING */
    struct text host;   /* in lower case, without its port */
    struct text repository;
    struct text object;         /* "xx/<rest>", what follows "data/" */
    struct text caching_string; /* in lower case; empty: the client's address says all */
    struct text servers;        /* in lower case, but for the separator */
};

/* Look at URL, "http://host:port/path" as it was sent. Whatever is spelled in an unusual
 * way (escapes, queries, dot segments, several slashes) is STORE_NOTHING.
 *   buffer   of at least URL.length bytes; the texts point into it or into URL */
void store_request_parse(struct store_request *request, struct text url, char *buffer);

#endif
