/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a partial replica: which nested catalogs belong to it. Source:
 * docs/formats.md. */
#ifndef REPLICA_FORMAT_PARTIAL_RULES_H
#define REPLICA_FORMAT_PARTIAL_RULES_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

#define PARTIAL_RULES_SIZE_MAX (256 * 1024)

struct partial_rules;

/* Parse a specification: "version 1", then a rule a line.
 *   pool   owns *rules and a copy of TEXT
 * False: ERROR_BAD_FORMAT (message names the line), ERROR_TOO_LARGE. */
bool partial_rules_parse(struct partial_rules **rules, struct text text, apr_pool_t *pool,
                         struct error *error);

/* The bytes that were parsed. */
struct text partial_rules_text(const struct partial_rules *rules);

/* Whether the nested catalog at PATH ("/a/b", "" is the root) is left out. Time grows at
 * most with the length of PATH times that of the rules. Thread-safe. */
bool partial_rules_exclude(const struct partial_rules *rules, const char *path);

#endif
