/* SPDX-License-Identifier: Apache-2.0 */
/* What a helper has read and not answered, and answered and not written. Pure: bytes in,
 * bytes out.
 *
 * It lies in memory that a helper's worker shares with the process that watches it. The
 * worker may be killed between any two instructions, so its place moves from one state to
 * the next at once (a line leaves the input in the same moment in which its reply is in
 * the output), and what a system call did whose result was never noted can be found out:
 * input that was not read yet is all NUL. */
#ifndef REPLICA_HELPER_EXCHANGE_H
#define REPLICA_HELPER_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "libreplica/base/text.h"
#include "squid-helpers/helper_line.h"

/* Longer lines are answered BH. Squid's own are 9216 bytes at most. */
#define HELPER_LINE_SIZE_MAX (64 * 1024)
/* Any channel and 16 KiB of reply. */
#define HELPER_REPLY_SIZE_MAX (HELPER_LINE_SIZE_MAX + 16 * 1024)
#define HELPER_INPUT_SIZE     (2 * HELPER_LINE_SIZE_MAX)
#define HELPER_OUTPUT_SIZE    (3 * HELPER_REPLY_SIZE_MAX)

struct helper_place {
    uint32_t input;        /* which of the two is in use */
    uint32_t begin, end;   /* what of it waits for an answer */
    bool is_skipping;      /* up to the end of a line that is too long */
    uint32_t output_begin; /* what waits to be written */
    uint32_t output_end;
    uint64_t answered;
    uint64_t written; /* bytes */
};

struct helper_exchange {
    bool has_channels;
    uint32_t current; /* which of the places counts */
    struct helper_place places[2];
    char input[2][HELPER_INPUT_SIZE];
    char output[HELPER_OUTPUT_SIZE];
};

/* EXCHANGE has to be all zero. */
void helper_exchange_start(struct helper_exchange *exchange, bool has_channels);

/* The state that counts. */
const struct helper_place *helper_exchange_place(const struct helper_exchange *exchange);

/* Where to read to, and how many bytes at most: never 0 after helper_exchange_run has
 * returned true. */
size_t helper_exchange_room(struct helper_exchange *exchange, char **bytes);

/* LENGTH bytes have been read there. */
void helper_exchange_take(struct helper_exchange *exchange, size_t length);

/* Answer whole lines until there is none left (true) or the output has to be written
 * first (false). */
bool helper_exchange_run(struct helper_exchange *exchange, helper_answer *answer,
                         void *baton);

/* What is to be written, and that LENGTH bytes of it have been. */
struct text helper_exchange_output(const struct helper_exchange *exchange);
void helper_exchange_wrote(struct helper_exchange *exchange, size_t length);

/* Whether a whole line waits for its answer. */
bool helper_exchange_has_line(const struct helper_exchange *exchange);

/* Whether something has been read that was not noted: for a moment only, unless the
 * worker is stopped just then. */
bool helper_exchange_has_unnoted(const struct helper_exchange *exchange);

/* After the worker's end: notice what its last read brought, and that its last write of
 * this exchange's output took LENGTH bytes. False: the memory is damaged. */
bool helper_exchange_recover(struct helper_exchange *exchange, size_t length);

#endif
