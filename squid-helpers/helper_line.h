/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of Squid's helper protocol: what a query's fields mean, how a reply is
 * written. Pure. Source: stratum1-http-and-ops 5.1, 5.2. */
#ifndef REPLICA_HELPER_LINE_H
#define REPLICA_HELPER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include "libreplica/base/text.h"

/* One query. The spans point into the line. */
struct helper_request {
    struct text channel; /* digits, given back as they came; empty: there is none */
    struct text fields;  /* all that follows, blanks between the fields */
};

/* A reply that is being written; the first word may be put in once, then pairs. */
struct helper_reply {
    char *bytes;
    size_t size;
    size_t length;
};

/* Answers REQUEST by one helper_reply_begin and any number of pairs. */
typedef void helper_answer(void *baton, const struct helper_request *request,
                           struct helper_reply *reply);

/* Split LINE (without its LF). HAS_CHANNELS: the helper was started for queries that
 * begin with digits and a blank. False: it was, and this one does not. */
bool helper_request_parse(struct helper_request *request, struct text line,
                          bool has_channels);

/* Take the next field off *FIELDS; any number of blanks is between two. */
bool helper_field_next(struct text *field, struct text *fields);

/* Resolve %XX into BUFFER of at least FIELD.length bytes; what is no such escape stays as
 * it is. */
struct text helper_field_unescape(struct text field, char *buffer);

/* "OK", "ERR" or "BH", with REQUEST's channel before it. */
void helper_reply_begin(struct helper_reply *reply, const struct helper_request *request,
                        const char *result);

/* ` key="value"`. Always quoted; quotes and backslashes get a backslash, control bytes
 * become question marks. A pair that has no room is left out: false. */
bool helper_reply_pair(struct helper_reply *reply, const char *key, struct text value);

/* The whole of a reply that says why there is none. */
void helper_reply_broken(struct helper_reply *reply, const struct helper_request *request,
                         const char *message);

#endif
