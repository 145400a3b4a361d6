/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that answers by a file of rules: its options, its rules read again when they
 * change, and what an administrator may ask it. */
#ifndef REPLICA_RULE_PROGRAM_H
#define REPLICA_RULE_PROGRAM_H

#include "squid-helpers/helper_loop.h"
#include "squid-helpers/rule_files.h"

/* What makes one such program differ from another. RULES is what COMPILE has made. */
struct rule_program {
    const char *name;  /* of the program */
    const char *file;  /* of the rules, unless --file names another */
    const char *usage; /* lines after the program's name */
    rule_compiler *compile;
    int (*count)(const void *rules);
    /* --explain, or one of many lines that are to be explained: by one line each if
     * IS_BRIEF. Returns the exit code; 2: the arguments cannot be understood, and it has
     * said why. */
    int (*explain)(void *baton, const void *rules, int count, char **arguments,
                   bool is_brief, apr_pool_t *pool);
    /* Before the queries of each read, in the worker; may be NULL. RULES may be NULL. */
    void (*refresh)(void *baton, const void *rules, struct helper *helper);
    /* Answers one query. RULES is NULL as long as there were none that are good. */
    void (*answer)(void *baton, const void *rules, const struct helper_request *asked,
                   struct helper_reply *reply);
    void *baton; /* of these three */
};

/* Be the helper until Squid closes standard input, or do what the arguments say:
 * --check FILE, --explain ..., --version, --help. Returns the exit code. */
int rule_program_run(const struct rule_program *program, int count, char **arguments);

#endif
