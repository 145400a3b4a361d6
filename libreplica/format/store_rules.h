/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what a cache keeps once: groups of hosts and repositories that trust each
 * other, and hosts whose answers about servers may be shared. Source:
 * docs/man/replica-store-id.conf.5. */
#ifndef REPLICA_FORMAT_STORE_RULES_H
#define REPLICA_FORMAT_STORE_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/format/rule_lines.h"
#include "libreplica/format/store_request.h"

#define STORE_RULES_MAX 1000000

struct store_rules;

/* A line, and what the keys of all that it holds for begin with. */
struct store_rule {
    const char *file;
    int line;
    struct text prefix;
    const apr_array_header_t *databases; /* const char *, of a geo line; may be empty */
};

/* Parse FILE and what it includes.
 *   pool   owns *rules
 * False: "<file>:<line>: <reason>", ERROR_BAD_FORMAT, ERROR_TOO_LARGE or what the source
 * says. Thread-safe. */
bool store_rules_parse(struct store_rules **rules, const char *file,
                       const struct rule_source *source, apr_pool_t *pool,
                       struct error *error);

/* The number of the first group line that an object is in; -1: none. Thread-safe; its
 * time hardly grows with the number of lines. */
int store_rules_find(const struct store_rules *rules,
                     const struct store_request *request);

/* Group lines, numbered from 0 on. */
int store_rules_count(const struct store_rules *rules);
const struct store_rule *store_rules_group(const struct store_rules *rules, int number);

/* Why REQUEST is not in a group: "host" or "repository"; NULL: it is. */
const char *store_rules_failure(const struct store_rules *rules, int number,
                                const struct store_request *request);

/* The geo line; NULL: there is none. */
const struct store_rule *store_rules_geo(const struct store_rules *rules);

/* Why the geo line does not hold for what CLIENT asks: "host", "repository", "client" (an
 * address it is not for, or no address); NULL: it does. */
const char *store_rules_geo_failure(const struct store_rules *rules,
                                    const struct store_request *request,
                                    struct text client);

/* Write the key of an object in a group, or of a question. Empty: no room in SIZE.
 *   version   of the database that ORIGIN is from; 0: none
 *   origin    what says where the client is, without slashes */
struct text store_key_of_object(char *key, size_t size, const struct store_rule *group,
                                const struct store_request *request);
struct text store_key_of_geo(char *key, size_t size, const struct store_rule *geo,
                             const struct store_request *request, uint64_t version,
                             struct text origin);

#endif
