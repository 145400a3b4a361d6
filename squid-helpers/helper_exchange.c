/* SPDX-License-Identifier: Apache-2.0 */
/* What a helper has read and not answered, and answered and not written. */
#include "squid-helpers/helper_exchange.h"

#include <stdatomic.h>
#include <string.h>

/* The next state is prepared beside the one that counts, then takes its place. Only the
 * compiler has to keep the order: a process that ends has done all stores it came to. */
static struct helper_place *prepare(struct helper_exchange *exchange)
{
    struct helper_place *place = &exchange->places[!exchange->current];

    *place = exchange->places[exchange->current & 1];
    return place;
}

static void commit(struct helper_exchange *exchange)
{
    atomic_signal_fence(memory_order_seq_cst);
    __atomic_store_n(&exchange->current, !exchange->current, __ATOMIC_RELEASE);
    atomic_signal_fence(memory_order_seq_cst);
}

const struct helper_place *helper_exchange_place(const struct helper_exchange *exchange)
{
    return &exchange->places[__atomic_load_n(&exchange->current, __ATOMIC_ACQUIRE) & 1];
}

void helper_exchange_start(struct helper_exchange *exchange, bool has_channels)
{
    exchange->has_channels = has_channels;
}

size_t helper_exchange_room(struct helper_exchange *exchange, char **bytes)
{
    const struct helper_place *place = helper_exchange_place(exchange);

    *bytes = exchange->input[place->input] + place->end;
    return HELPER_INPUT_SIZE - place->end;
}

void helper_exchange_take(struct helper_exchange *exchange, size_t length)
{
    prepare(exchange)->end += (uint32_t)length;
    commit(exchange);
}

static struct text waiting(const struct helper_exchange *exchange)
{
    const struct helper_place *place = helper_exchange_place(exchange);

    return (struct text){exchange->input[place->input] + place->begin,
                         place->end - place->begin};
}

bool helper_exchange_has_line(const struct helper_exchange *exchange)
{
    struct text text = waiting(exchange);

    return memchr(text.bytes, '\n', text.length) != NULL;
}

bool helper_exchange_has_unnoted(const struct helper_exchange *exchange)
{
    const struct helper_place *place = helper_exchange_place(exchange);

    return place->end < HELPER_INPUT_SIZE &&
           exchange->input[place->input & 1][place->end] != '\0';
}

/* Begin at the beginning again. What was read is wiped while it is behind the place that
 * counts, so that it is never taken for something new. */
static void clear_input(struct helper_exchange *exchange)
{
    struct helper_place *place = prepare(exchange);

    if (place->end == 0)
        return;
    memset(exchange->input[place->input], 0, place->end);
    place->begin = place->end = 0;
    commit(exchange);
}

/* Take the beginning of a line, which is all there is, to the other buffer. */
static void move_input(struct helper_exchange *exchange)
{
    struct helper_place *place = prepare(exchange);
    uint32_t old = place->input, old_end = place->end;

    if (place->begin == 0)
        return;
    place->input = !old;
    place->end -= place->begin;
    memcpy(exchange->input[place->input], exchange->input[old] + place->begin,
           place->end);
    place->begin = 0;
    commit(exchange);
    memset(exchange->input[old], 0, old_end);
}

static void answer_line(struct helper_exchange *exchange, struct text line,
                        struct helper_reply *reply, helper_answer *answer, void *baton)
{
    struct helper_request request;
    bool is_sound = helper_request_parse(&request, line, exchange->has_channels);

    /* It may go on in what has not been read yet. */
    if (request.channel.length > HELPER_LINE_SIZE_MAX) {
        request.channel.length = 0;
        is_sound = false;
    }
    if (!is_sound)
        helper_reply_broken(reply, &request, "the query does not begin with a channel");
    else if (line.length > HELPER_LINE_SIZE_MAX)
        helper_reply_broken(reply, &request, "the query is too long");
    else
        answer(baton, &request, reply);
    reply->bytes[reply->length++] = '\n';
}

/* Answer LINE, the next of the input, which ends after USED bytes. */
static void take_line(struct helper_exchange *exchange, struct text line, size_t used,
                      helper_answer *answer, void *baton)
{
    struct helper_place *place = prepare(exchange);
    struct helper_reply reply = {.bytes = exchange->output + place->output_end,
                                 .size = HELPER_REPLY_SIZE_MAX - 1};

    answer_line(exchange, line, &reply, answer, baton);
    place->begin += (uint32_t)used;
    place->output_end += (uint32_t)reply.length;
    place->answered++;
    place->is_skipping = line.length == used;
    commit(exchange);
}

static void skip(struct helper_exchange *exchange, size_t used, bool is_skipping)
{
    struct helper_place *place = prepare(exchange);

    place->begin += (uint32_t)used;
    place->is_skipping = is_skipping;
    commit(exchange);
}

/* Deal with one line, or with the beginning of one that is too long. False: there is
 * none. */
static bool step(struct helper_exchange *exchange, helper_answer *answer, void *baton)
{
    struct text text = waiting(exchange);
    const char *end = memchr(text.bytes, '\n', text.length);
    size_t length = end != NULL ? (size_t)(end - text.bytes) : text.length;
    size_t used = end != NULL ? length + 1 : length;

    if (text.length == 0 || (end == NULL && length <= HELPER_LINE_SIZE_MAX &&
                             !helper_exchange_place(exchange)->is_skipping))
        return false;
    if (helper_exchange_place(exchange)->is_skipping)
        skip(exchange, used, end == NULL);
    else
        take_line(exchange, (struct text){text.bytes, length}, used, answer, baton);
    return true;
}

bool helper_exchange_run(struct helper_exchange *exchange, helper_answer *answer,
                         void *baton)
{
    do {
        const struct helper_place *place = helper_exchange_place(exchange);

        if (HELPER_OUTPUT_SIZE - place->output_end < HELPER_REPLY_SIZE_MAX)
            return false;
    } while (step(exchange, answer, baton));
    if (waiting(exchange).length == 0)
        clear_input(exchange);
    else
        move_input(exchange);
    return true;
}

struct text helper_exchange_output(const struct helper_exchange *exchange)
{
    const struct helper_place *place = helper_exchange_place(exchange);

    return (struct text){exchange->output + place->output_begin,
                         place->output_end - place->output_begin};
}

void helper_exchange_wrote(struct helper_exchange *exchange, size_t length)
{
    struct helper_place *place = prepare(exchange);

    place->output_begin += (uint32_t)length;
    place->written += length;
    if (place->output_begin == place->output_end)
        place->output_begin = place->output_end = 0;
    commit(exchange);
}

bool helper_exchange_recover(struct helper_exchange *exchange, size_t length)
{
    const struct helper_place *place = helper_exchange_place(exchange);
    uint32_t end = HELPER_INPUT_SIZE;

    if (exchange->current > 1 || place->input > 1 || place->begin > place->end ||
        place->end > HELPER_INPUT_SIZE || place->output_begin > place->output_end ||
        place->output_end > HELPER_OUTPUT_SIZE ||
        length > place->output_end - place->output_begin)
        return false;
    while (end > place->end && exchange->input[place->input][end - 1] == '\0')
        end--;
    if (end > place->end)
        helper_exchange_take(exchange, end - place->end);
    if (length > 0)
        helper_exchange_wrote(exchange, length);
    memset(exchange->input[!helper_exchange_place(exchange)->input], 0,
           HELPER_INPUT_SIZE);
    return true;
}
