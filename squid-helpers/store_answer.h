/* SPDX-License-Identifier: Apache-2.0 */
/* From a query about a URL to the key that its answer is kept under. */
#ifndef REPLICA_STORE_ANSWER_H
#define REPLICA_STORE_ANSWER_H

#include "libreplica/format/store_rules.h"
#include "squid-helpers/geo_origins.h"
#include "squid-helpers/helper_line.h"

/* Longer ones are not worth it. */
#define STORE_KEY_SIZE 4096

/* What Squid says of a request. */
struct store_query {
    struct text url, client, method;
    bool has_headers;  /* it says whether there are these: */
    bool is_from_cdn;  /* CF-Connecting-IP, */
    bool is_forwarded; /* X-Forwarded-For */
};

struct store_answer {
    struct text key;               /* empty: the URL is its own */
    const struct store_rule *rule; /* the line that decided; NULL: none has */
    const char *reason;            /* of an empty key */
    bool is_incomplete;            /* the query said too little for a geo line */
    struct store_request request;
    char bytes[STORE_KEY_SIZE];
};

/* Split "URL CLIENT METHOD [CDN FORWARDED]". False: that is not what FIELDS are. */
bool store_query_parse(struct store_query *query, struct text fields);

/* Find the key. URL is at most HELPER_LINE_SIZE_MAX long. Not thread-safe. */
void store_answer_find(struct store_answer *answer, const struct store_rules *rules,
                       struct geo_origins *origins, const struct store_query *query);

#endif
