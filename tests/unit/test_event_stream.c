/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events, however they are cut. */
#include "tests/unit/unit.h"
#include "libreplica/format/event_stream.h"

struct heard {
    apr_pool_t *pool;
    const char *text; /* "<sequence> <kind> <data>|..." */
    int most;         /* events before it has enough */
};

static bool hear(void *baton, const struct stream_event *event, struct error *error)
{
    struct heard *heard = baton;

    heard->text =
        apr_psprintf(heard->pool, "%s%d %s %.*s|", heard->text, (int)event->sequence,
                     event->kind, (int)event->data.length, event->data.bytes);
    if (--heard->most > 0)
        return true;
    error->code = ERROR_CANCELLED;
    return false;
}

static const char *read_cut(apr_pool_t *pool, const char *text, size_t piece)
{
    struct heard heard = {pool, "", 100};
    struct event_stream *stream = event_stream_create(hear, &heard, pool);
    struct text rest = text_of(text);
    struct error error;

    while (rest.length > 0) {
        size_t length = piece < rest.length ? piece : rest.length;

        assert_ok(event_stream_feed(stream, (struct text){rest.bytes, length}, &error),
                  &error);
        rest.bytes += length;
        rest.length -= length;
    }
    return heard.text;
}

static void expect(void **state, const char *text, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(text); piece++)
        assert_string_equal(read_cut(unit_pool(state), text, piece), expected);
}

static void events_are_whole_however_they_are_cut(void **state)
{
    expect(state, "data: one\n\ndata: two\n\n", "0 message one|0 message two|");
    expect(state, "id: 7\nevent: activity\ndata: {}\n\ndata:x\n\n",
           "7 activity {}|7 message x|");
    expect(state, "data: a\r\n\r\ndata: b\r\n\r\n", "0 message a|0 message b|");
}

static void what_is_no_event_is_passed_over(void **state)
{
    expect(state, ": keep alive\n\nretry: 3000\n\n\n\nother\ndata: x\n\n",
           "0 message x|");
    expect(state, "{\"status\":\"timeout\"}", "");
    expect(state, "id: seven\ndata: a\ndata:  b\ndata\n\ndata: not whole\n",
           "0 message a\n b\n|");
}

static void a_consumer_that_has_enough_is_given_no_more(void **state)
{
    struct heard heard = {unit_pool(state), "", 1};
    struct event_stream *stream = event_stream_create(hear, &heard, unit_pool(state));
    struct error error;

    assert_false(event_stream_feed(stream, text_of("data: 1\n\ndata: 2\n\n"), &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
    assert_string_equal(heard.text, "0 message 1|");
}

static void a_line_without_end_is_refused(void **state)
{
    struct heard heard = {unit_pool(state), "", 1};
    struct event_stream *stream = event_stream_create(hear, &heard, unit_pool(state));
    struct text piece = {memset(apr_palloc(unit_pool(state), 4096), 'x', 4096), 4096};
    struct error error;
    int count = 0;

    while (count < 1000 && event_stream_feed(stream, piece, &error))
        count++;
    assert_int_equal(count, EVENT_STREAM_LINE_MAX / 4096);
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static const struct CMUnitTest event_stream_tests[] = {
    UNIT_TEST(events_are_whole_however_they_are_cut),
    UNIT_TEST(what_is_no_event_is_passed_over),
    UNIT_TEST(a_consumer_that_has_enough_is_given_no_more),
    UNIT_TEST(a_line_without_end_is_refused),
};
UNIT_MAIN(event_stream_tests)
