/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of replica-rewrite: URLs that clients still use, and what they mean now.
 * Pure. Source: docs/man/replica-rewrite.conf.5. */
#ifndef REPLICA_FORMAT_REWRITE_RULES_H
#define REPLICA_FORMAT_REWRITE_RULES_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"
#include "libreplica/format/rule_lines.h"

#define REWRITE_LINES_MAX 1000000
/* What lines may add to a URL, several times. */
#define REWRITE_GROWTH_MAX 4096

struct rewrite_rules;

/* In the order in which they are replaced. */
enum rewrite_part { REWRITE_PATH, REWRITE_REPOSITORY, REWRITE_HOST, REWRITE_PART_COUNT };

struct rewrite_line {
    const char *file; /* where it stands */
    int number;
    enum rewrite_part part;
    int status; /* what clients are told; 0: nothing, Squid goes there for them */
    /* As written, hosts in lower case, without a port; a path decoded, without a slash at
     * its end. */
    struct text before;
    struct text after;
    int port; /* of BEFORE; 0: every port */
};

/* What becomes of one URL. */
struct rewrite_outcome {
    struct text url;
    int status; /* 0: rewritten, else: redirected */
    const struct rewrite_line *lines[REWRITE_PART_COUNT]; /* that applied, in order */
    int line_count;
    const char *oddity; /* what the URL has that it is left alone, or NULL */
};

/* Parse FILE and what it includes.
 *   pool   owns *rules
 * False: "<file>:<line>: <reason>", ERROR_BAD_FORMAT, ERROR_TOO_LARGE or what the source
 * says. Thread-safe. */
bool rewrite_rules_parse(struct rewrite_rules **rules, const char *file,
                         const struct rule_source *source, apr_pool_t *pool,
                         struct error *error);

/* Lines, numbered from 0 on. */
int rewrite_rules_count(const struct rewrite_rules *rules);
const struct rewrite_line *rewrite_rules_line(const struct rewrite_rules *rules,
                                              int number);

/* Look at URL, "scheme://host:port/path?query", still percent-encoded. Of each part the
 * first line that matches applies; what is not replaced stays byte for byte.
 *   buffer   of at least 5 * URL.length + REWRITE_GROWTH_MAX bytes; owns the new URL
 * False: the URL stays as it is. Thread-safe; its time hardly grows with the number of
 * lines. */
bool rewrite_rules_apply(struct rewrite_outcome *outcome,
                         const struct rewrite_rules *rules, struct text url,
                         char *buffer);

/* "path", "repository", "host": as lines have them. */
const char *rewrite_part_name(enum rewrite_part part);

#endif
