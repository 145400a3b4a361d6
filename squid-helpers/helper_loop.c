/* SPDX-License-Identifier: Apache-2.0 */
/* A helper's worker, and what it shares with the process that watches it. */
#include "config.h"
#include "squid-helpers/helper_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libreplica/base/clock.h"

void helper_complain(struct helper *helper, const char *format, ...)
{
    char line[1024];
    va_list list;
    int length = snprintf(line, sizeof(line), "%s: ", helper->name), more;
    ssize_t written;

    va_start(list, format);
    more = vsnprintf(line + length, sizeof(line) - (size_t)length - 1, format, list);
    va_end(list);
    length += more > 0 ? more : 0;
    if (length > (int)sizeof(line) - 2)
        length = sizeof(line) - 2;
    line[length++] = '\n';
    written = write(STDERR_FILENO, line, (size_t)length);
    if (helper->is_worker && written > 0)
        helper->memory->complained += (uint64_t)written;
}

/* Wait until DESCRIPTOR is ready; false: not before DEADLINE (0: for ever). */
static bool wait_for(int descriptor, short events, apr_time_t deadline)
{
    struct pollfd entry = {.fd = descriptor, .events = events};
    int milliseconds = -1;

    if (deadline != 0) {
        apr_time_t left = deadline - clock_now();

        milliseconds = left > 0 ? (int)(left / 1000) + 1 : 0;
    }
    return poll(&entry, 1, milliseconds) != 0;
}

static bool is_passing(int number)
{
    return number == EINTR || number == EAGAIN || number == EWOULDBLOCK;
}

/* Whole lines leave the output only together with what is before them, and nothing is
 * waited for before all of it is written. False: nobody reads any more. */
static bool write_all(struct helper_exchange *exchange)
{
    for (;;) {
        struct text output = helper_exchange_output(exchange);
        ssize_t written;

        if (output.length == 0)
            return true;
        written = write(STDOUT_FILENO, output.bytes, output.length);
        if (written > 0)
            helper_exchange_wrote(exchange, (size_t)written);
        else if (written < 0 && !is_passing(errno))
            return false;
        else
            wait_for(STDOUT_FILENO, POLLOUT, 0);
    }
}

/* False: there is nothing more to come. */
static bool read_some(struct helper_exchange *exchange)
{
    char *bytes;
    size_t room = helper_exchange_room(exchange, &bytes);
    ssize_t length = read(STDIN_FILENO, bytes, room);

    if (length > 0)
        helper_exchange_take(exchange, (size_t)length);
    else if (length < 0 && is_passing(errno))
        wait_for(STDIN_FILENO, POLLIN, 0);
    else
        return false;
    return true;
}

enum helper_pause helper_loop(struct helper *helper, helper_answer *answer, void *baton,
                              apr_time_t deadline)
{
    struct helper_exchange *exchange = &helper->memory->exchange;

    for (;;) {
        bool is_done = helper_exchange_run(exchange, answer, baton);

        if (!write_all(exchange))
            return HELPER_AT_END;
        if (!is_done)
            continue;
        if (helper_exchange_place(exchange)->answered >= (uint64_t)helper->queries_max)
            return HELPER_AT_END;
        if (deadline != 0 &&
            (clock_now() >= deadline || !wait_for(STDIN_FILENO, POLLIN, deadline)))
            return HELPER_AT_DEADLINE;
        if (!read_some(exchange))
            return HELPER_AT_END;
        if (helper->refresh != NULL && deadline == 0)
            helper->refresh(helper->baton);
    }
}

static void answer_and_tell(void *baton, const struct helper_request *request,
                            struct helper_reply *reply)
{
    struct helper *helper = baton;

    helper->answer(helper->baton, request, reply);
    helper_complain(helper, "%.*s%.*s -> %.*s", (int)request->channel.length,
                    request->channel.bytes, (int)request->fields.length,
                    request->fields.bytes, (int)reply->length, reply->bytes);
}

void helper_work(struct helper *helper)
{
    helper->is_worker = true;
    if (helper->start != NULL)
        helper->start(helper->baton);
    helper->memory->is_ready = true;
    if (helper->is_debug)
        helper_loop(helper, answer_and_tell, helper, 0);
    else
        helper_loop(helper, helper->answer, helper->baton, 0);
    if (helper->is_debug)
        helper_complain(helper, "ends");
}

static int say(const char *name, const char *usage, bool version)
{
    if (version)
        printf("%s (replica) %s\n", name, PACKAGE_VERSION);
    else
        printf("Usage: %s [-d | --debug] [--concurrency] [--recycle COUNT]%s", name,
               usage);
    return 0;
}

/* The number of arguments that the option took; 0: it is not one of these. */
static int take_option(struct helper *helper, char **arguments)
{
    if (strcmp(arguments[0], "-d") == 0 || strcmp(arguments[0], "--debug") == 0) {
        helper->is_debug = true;
        return 1;
    }
    if (strcmp(arguments[0], "--concurrency") == 0) {
        helper->has_channels = true;
        return 1;
    }
    if (strcmp(arguments[0], "--recycle") == 0 && arguments[1] != NULL &&
        text_parse_number(&helper->queries_max, text_of(arguments[1])) &&
        helper->queries_max > 0)
        return 2;
    return 0;
}

bool helper_options(struct helper *helper, int *count, char **arguments,
                    const char *usage, int *code)
{
    int kept = 1;

    helper->queries_max = HELPER_QUERIES_MAX;
    for (int i = 1; i < *count;) {
        int taken = take_option(helper, arguments + i);
        bool version = strcmp(arguments[i], "--version") == 0;

        if (version || strcmp(arguments[i], "--help") == 0) {
            *code = say(helper->name, usage, version);
            return false;
        }
        if (taken == 0)
            arguments[kept++] = arguments[i++];
        i += taken;
    }
    *count = kept;
    arguments[kept] = NULL;
    return true;
}
