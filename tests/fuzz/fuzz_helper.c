/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a helper reads: the first byte says whether lines have channels and in what
 * pieces they come. Every line has one reply, with its channel, whatever it is. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "squid-helpers/helper_exchange.h"

static struct helper_exchange exchange;
static char output[4 * 1024 * 1024];
static size_t written;

/* Says everything it was asked, so that escaping is met too. */
static void answer(void *baton, const struct helper_request *request,
                   struct helper_reply *reply)
{
    struct text fields = request->fields, field;
    static char value[HELPER_LINE_SIZE_MAX];

    (void)baton;
    helper_reply_begin(reply, request, "OK");
    while (helper_field_next(&field, &fields))
        helper_reply_pair(reply, "field_", helper_field_unescape(field, value));
}

static void write_out(void)
{
    struct text text = helper_exchange_output(&exchange);

    FUZZ_MUST(written + text.length < sizeof(output));
    memcpy(output + written, text.bytes, text.length);
    written += text.length;
    helper_exchange_wrote(&exchange, text.length);
}

static void read_in(const uint8_t *bytes, size_t length, size_t most)
{
    while (length > 0) {
        char *to;
        size_t room = helper_exchange_room(&exchange, &to);
        size_t part = length < most ? length : most;

        FUZZ_MUST(room > 0);
        part = part < room ? part : room;
        memcpy(to, bytes, part);
        helper_exchange_take(&exchange, part);
        bytes += part;
        length -= part;
        while (!helper_exchange_run(&exchange, answer, NULL))
            write_out();
        write_out();
    }
}

/* Whether REPLY begins as the one to LINE must. */
static bool is_reply(struct text reply, struct text line, bool has_channels)
{
    struct helper_request request;
    size_t channel = 0;

    if (helper_request_parse(&request, line, has_channels))
        channel = request.channel.length;
    if (channel > 0) {
        if (reply.length < channel + 3 || memcmp(reply.bytes, line.bytes, channel) != 0 ||
            reply.bytes[channel] != ' ')
            return false;
        reply.bytes += channel + 1;
        reply.length -= channel + 1;
    }
    for (size_t i = 0; i < reply.length; i++)
        if ((unsigned char)reply.bytes[i] < ' ')
            return false;
    return text_starts(reply, "OK") || text_starts(reply, "BH message=\"");
}

static void check(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length}, replies = {output, written};
    struct text line, reply;

    while (text_next_line(&input, &line)) {
        FUZZ_MUST(text_next_line(&replies, &reply));
        FUZZ_MUST(line.length > HELPER_LINE_SIZE_MAX ||
                  is_reply(reply, line, exchange.has_channels));
    }
    FUZZ_MUST(replies.length == 0 || input.length > HELPER_LINE_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 1 || length > 512 * 1024)
        return 0;
    memset(&exchange, 0, sizeof(exchange));
    written = 0;
    helper_exchange_start(&exchange, (bytes[0] & 1) != 0);
    read_in(bytes + 1, length - 1, bytes[0] < 2 ? SIZE_MAX : bytes[0]);
    check(bytes + 1, length - 1);
    return 0;
}
