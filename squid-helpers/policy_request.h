/* SPDX-License-Identifier: Apache-2.0 */
/* From the fields of a query to what the rules of a policy look at, and from the rule
 * that decides to a reply. */
#ifndef REPLICA_POLICY_REQUEST_H
#define REPLICA_POLICY_REQUEST_H

#include <stdbool.h>
#include <time.h>
#include "libreplica/format/policy_rules.h"
#include "squid-helpers/helper_exchange.h"

/* Texts that a query points to. */
struct policy_request {
    struct policy_query query;
    char fields[HELPER_LINE_SIZE_MAX];
    char names[HELPER_LINE_SIZE_MAX];
};

/* Read "CLIENT METHOD URL [PORT [anything]]", each URL-escaped. False: that is not what
 * FIELDS are. */
bool policy_request_parse(struct policy_request *request, struct text fields);

/* The time at which the request is asked. */
void policy_request_set_time(struct policy_request *request, time_t now);

/* OK or ERR, with all that the rule says and that others may want to know. */
void policy_request_reply(struct helper_reply *reply, const struct helper_request *asked,
                          const struct policy_query *query,
                          const struct policy_effect *effect);

#endif
