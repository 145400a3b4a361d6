/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of rule files: words, "quoted words", # comments, and other files that are
 * included. What the words mean is the business of whoever reads them. Pure. */
#ifndef REPLICA_FORMAT_RULE_LINES_H
#define REPLICA_FORMAT_RULE_LINES_H

#include <stdbool.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

#define RULE_WORDS_MAX 64
/* For whoever reads the files. */
#define RULE_FILE_SIZE_MAX (64 * 1024 * 1024)

struct rule_line {
    const char *file;
    int number;
    int count;                         /* of words, at least 1 */
    struct text words[RULE_WORDS_MAX]; /* without their quotes */
    bool is_quoted[RULE_WORDS_MAX];
};

/* Where files come from: read the whole of FILE. */
struct rule_source {
    bool (*read)(struct text *content, void *baton, const char *file, apr_pool_t *pool,
                 struct error *error);
    void *baton;
};

/* Takes one line; its words and the name of its file are the pool's, LINE itself is not.
 */
typedef bool rule_line_taker(void *baton, const struct rule_line *line,
                             struct error *error);

/* Hand the lines of FILE to TAKE, in order; a line `include NAME` stands for those of
 * that file, which is looked for beside the one that names it. pool   owns the texts
 * False: the first error, with "<file>:<line>: " before it: ERROR_BAD_FORMAT,
 * ERROR_TOO_LARGE, the source's, or what TAKE has found. Thread-safe. */
bool rule_lines_read(const char *file, const struct rule_source *source,
                     rule_line_taker *take, void *baton, apr_pool_t *pool,
                     struct error *error);

#endif
