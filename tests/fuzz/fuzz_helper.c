/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a helper reads: the first byte says whether lines have channels and in what
 * pieces they come. Every line has one reply, with its channel, whatever it is: of each
 * helper, and of one that says everything it was asked. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "squid-helpers/programs.h"

static struct helper_exchange exchange;
static char output[4 * 1024 * 1024];
static size_t written;

/* A helper, and the rules that it answers by here. */
struct subject {
    const struct rule_program *program;
    const char *text;
    void *rules;
};

static struct subject subjects[] = {
    {&policy_program,
     "deny \"\\\"only\\\\\" method !GET,HEAD note \"why=a b\"\n"
     "deny client 10.0.0.0/8,2001:db8::/32 host *.example.net\n"
     "allow no-cache limit slow repository *.cern.ch,a? suffix C,none\n"
     "allow kind geo,meta,info,manifest port 80,8000-8010\n"
     "default deny \"not here\"\n",
     NULL},
    {&store_program,
     "group a host h,*.example.net,[::1] repository *.cern.ch,sw.example.net\n"
     "group b host !s1 repository !secret.cern.ch\n"
     "geo host h,s1\n",
     NULL},
    {&rewrite_program,
     "rewrite path /opt /cvmfs\n"
     "rewrite path /cvmfs/a%20b /\n"
     "rewrite repository *.cern.ch sw.example.net\n"
     "redirect 301 host old*:8000 new.example.net:80\n"
     "redirect host h new.example.net\n",
     NULL},
};

static bool give_text(struct text *content, void *baton, const char *file,
                      apr_pool_t *pool, struct error *error)
{
    (void)file;
    (void)pool;
    (void)error;
    *content = text_of(baton);
    return true;
}

/* Rules are compiled once, and every program is told of them as its worker would be. */
static void prepare(struct subject *subject)
{
    static struct helper helper = {.name = "fuzz_helper"};
    struct rule_source source = {give_text, (void *)subject->text};
    const struct rule_program *program = subject->program;

    if (subject->rules != NULL)
        return;
    FUZZ_MUST(program->compile(&subject->rules, "rules", &source, fuzz_pool(), NULL));
    if (program->refresh != NULL)
        program->refresh(program->baton, subject->rules, &helper);
}

static void answer_by_rules(void *baton, const struct helper_request *request,
                            struct helper_reply *reply)
{
    const struct subject *subject = baton;

    subject->program->answer(subject->program->baton, subject->rules, request, reply);
}

/* Says everything it was asked, so that escaping is met too. */
static void repeat(void *baton, const struct helper_request *request,
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

static void read_in(const uint8_t *bytes, size_t length, size_t most,
                    helper_answer *answer, void *baton)
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
        while (!helper_exchange_run(&exchange, answer, baton))
            write_out();
        write_out();
    }
}

/* A result, then pairs with quoted values, in which nothing ends them too early. */
static bool is_result(struct text reply)
{
    static const char *const results[] = {"OK", "ERR", "BH message=\""};
    bool is_known = false, is_quoted = false;

    for (size_t i = 0; i < sizeof(results) / sizeof(*results); i++)
        is_known = is_known || text_starts(reply, results[i]);
    for (size_t i = 0; i < reply.length; i++) {
        char byte = reply.bytes[i];

        if ((unsigned char)byte < ' ')
            return false;
        if (byte == '"')
            is_quoted = !is_quoted;
        else if (byte == '\\' && is_quoted)
            i++;
    }
    return is_known && !is_quoted;
}

/* Whether REPLY is one to LINE. */
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
    return is_result(reply);
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

static void run(const uint8_t *bytes, size_t length, helper_answer *answer, void *baton)
{
    memset(&exchange, 0, sizeof(exchange));
    written = 0;
    helper_exchange_start(&exchange, (bytes[0] & 1) != 0);
    read_in(bytes + 1, length - 1, bytes[0] < 2 ? SIZE_MAX : bytes[0], answer, baton);
    check(bytes + 1, length - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 1 || length > 512 * 1024)
        return 0;
    run(bytes, length, repeat, NULL);
    for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects); i++) {
        prepare(&subjects[i]);
        run(bytes, length, answer_by_rules, &subjects[i]);
    }
    return 0;
}
