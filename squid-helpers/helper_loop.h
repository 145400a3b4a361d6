/* SPDX-License-Identifier: Apache-2.0 */
/* A helper of Squid: a small process that Squid starts, and its worker, which reads
 * queries from standard input and answers them on standard output. */
#ifndef REPLICA_HELPER_LOOP_H
#define REPLICA_HELPER_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_time.h>
#include "squid-helpers/helper_exchange.h"

/* Squid counts queries in an int. */
#define HELPER_QUERIES_MAX 2000000000

struct helper_memory;

/* What makes one helper differ from another. The functions are called in the worker. */
struct helper {
    const char *name;             /* of the program, for messages */
    bool has_channels;            /* --concurrency */
    bool is_debug;                /* -d: every query and its reply to standard error */
    int64_t queries_max;          /* then it ends, and Squid starts another one */
    void (*start)(void *baton);   /* once, before anything is read; may be NULL */
    void (*refresh)(void *baton); /* before the queries of each read; may be NULL */
    helper_answer *answer;
    void *baton;
    struct helper_memory *memory; /* of helper_watch.c */
    bool is_worker;               /* not the process that watches */
};

/* What the two processes share. */
struct helper_memory {
    struct helper_exchange exchange;
    uint64_t complained; /* bytes of the worker's to standard error */
    bool is_ready;       /* the worker has started */
    bool has_ended;      /* there is nothing left to do for either of them */
};

/* Deal with the options that all helpers have: -d, --debug, --concurrency, --recycle N,
 * --version, --help (USAGE, the lines after the first), and take them off the arguments.
 * False: the program ends with *code. */
bool helper_options(struct helper *helper, int *count, char **arguments,
                    const char *usage, int *code);

enum helper_pause {
    HELPER_AT_DEADLINE,
    HELPER_AT_END, /* Squid has closed, or has had all that it may ask */
};

/* Read, answer and write until Squid closes or, if DEADLINE is not 0, until then.
 * ANSWER stands in for the helper's own. */
enum helper_pause helper_loop(struct helper *helper, helper_answer *answer, void *baton,
                              apr_time_t deadline);

/* The worker: start, loop. */
void helper_work(struct helper *helper);

/* One line to standard error, which Squid puts into cache.log. */
void helper_complain(struct helper *helper, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
