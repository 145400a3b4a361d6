/* SPDX-License-Identifier: Apache-2.0 */
/* A client's request, as the rules of a policy look at it. Pure. */
#ifndef REPLICA_FORMAT_POLICY_QUERY_H
#define REPLICA_FORMAT_POLICY_QUERY_H

#include <stdbool.h>
#include "libreplica/base/text.h"

enum policy_kind {
    POLICY_KIND_MANIFEST,
    POLICY_KIND_CATALOG,
    POLICY_KIND_DATA, /* every other object */
    POLICY_KIND_GEO,  /* the API */
    POLICY_KIND_META, /* the other files of a repository's root */
    POLICY_KIND_INFO, /* what the server says of itself, robots.txt */
    POLICY_KIND_OTHER,
    POLICY_KIND_COUNT
};

/* Of an address or a network; IPv4 as ::ffff:a.b.c.d. */
#define POLICY_ADDRESS_BYTES 16

struct policy_query {
    struct text method;
    struct text host;       /* of a whole URL, in lower case; else empty */
    struct text repository; /* empty: the URL names none */
    enum policy_kind kind;
    char suffix; /* the letter of an object, or NUL */
    bool has_client;
    unsigned char client[POLICY_ADDRESS_BYTES];
    int port;    /* where the client came in; 0: not known */
    int weekday; /* 0 is Sunday */
    int minute;  /* of the day */
};

/* Look at URL, "/path?query", "scheme://host:port/path?query" or "host:port", still
 * percent-encoded.
 *   buffer   of at least URL.length bytes; the query's texts point into it or into URL */
void policy_query_set_url(struct policy_query *query, struct text url, char *buffer);

/* From an address. False: TEXT is none, and the client is not known. */
bool policy_query_set_client(struct policy_query *query, struct text text);

/* Address bytes of an IPv4 or IPv6 literal; false: TEXT is none. */
bool policy_address_parse(unsigned char bytes[POLICY_ADDRESS_BYTES], struct text text);

bool policy_address_is_ipv4(const unsigned char bytes[POLICY_ADDRESS_BYTES]);

/* "manifest", "catalog", ...: as rules have them. */
const char *policy_kind_name(enum policy_kind kind);

#endif
