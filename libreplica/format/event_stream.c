/* SPDX-License-Identifier: Apache-2.0 */
/* Reading server-sent events. */
#include "libreplica/format/event_stream.h"

#include <string.h>

#define KIND_SIZE 32

struct buffer {
    char *bytes;
    size_t length;
};

struct event_stream {
    event_stream_consumer *consume;
    void *baton;
    struct buffer line;
    struct buffer data;
    bool has_data;
    int64_t sequence;
    char kind[KIND_SIZE];
};

struct event_stream *event_stream_create(event_stream_consumer *consume, void *baton,
                                         apr_pool_t *pool)
{
    struct event_stream *stream = apr_pcalloc(pool, sizeof(*stream));

    stream->consume = consume;
    stream->baton = baton;
    stream->line.bytes = apr_palloc(pool, EVENT_STREAM_LINE_MAX);
    stream->data.bytes = apr_palloc(pool, EVENT_STREAM_LINE_MAX);
    return stream;
}

static bool add(struct buffer *buffer, struct text text, struct error *error)
{
    if (text.length > EVENT_STREAM_LINE_MAX - buffer->length)
        return error_set(error, ERROR_TOO_LARGE, "event stream: more than %d bytes",
                         EVENT_STREAM_LINE_MAX);
    memcpy(buffer->bytes + buffer->length, text.bytes, text.length);
    buffer->length += text.length;
    return true;
}

static bool dispatch(struct event_stream *stream, struct error *error)
{
    struct stream_event event = {
        .sequence = stream->sequence,
        .kind = *stream->kind != '\0' ? stream->kind : "message",
        .data = {stream->data.bytes, stream->data.length},
    };
    bool ok = !stream->has_data || stream->consume(stream->baton, &event, error);

    stream->data.length = 0;
    stream->has_data = false;
    *stream->kind = '\0';
    return ok;
}

static bool take_field(struct event_stream *stream, struct text name, struct text value,
                       struct error *error)
{
    if (text_equals(name, "data")) {
        if (stream->has_data && !add(&stream->data, text_of("\n"), error))
            return false;
        stream->has_data = true;
        return add(&stream->data, value, error);
    }
    if (text_equals(name, "id"))
        text_parse_number(&stream->sequence, value);
    if (text_equals(name, "event") && value.length < KIND_SIZE) {
        memcpy(stream->kind, value.bytes, value.length);
        stream->kind[value.length] = '\0';
    }
    return true;
}

/* "name: value", where the blank is no part of the value. */
static bool take_line(struct event_stream *stream, struct text line, struct error *error)
{
    const char *colon;
    struct text name, value = {"", 0};

    if (line.length > 0 && line.bytes[line.length - 1] == '\r')
        line.length--;
    if (line.length == 0)
        return dispatch(stream, error);
    colon = memchr(line.bytes, ':', line.length);
    name = (struct text){line.bytes,
                         colon != NULL ? (size_t)(colon - line.bytes) : line.length};
    if (colon != NULL) {
        value = (struct text){colon + 1, line.length - name.length - 1};
        if (value.length > 0 && *value.bytes == ' ')
            value = (struct text){value.bytes + 1, value.length - 1};
    }
    return take_field(stream, name, value, error);
}

bool event_stream_feed(struct event_stream *stream, struct text bytes,
                       struct error *error)
{
    while (bytes.length > 0) {
        const char *end = memchr(bytes.bytes, '\n', bytes.length);
        size_t length = end != NULL ? (size_t)(end - bytes.bytes) : bytes.length;
        struct text line;

        if (!add(&stream->line, (struct text){bytes.bytes, length}, error))
            return false;
        bytes.bytes += length + (end != NULL);
        bytes.length -= length + (end != NULL);
        if (end == NULL)
            return true;
        line = (struct text){stream->line.bytes, stream->line.length};
        stream->line.length = 0;
        if (!take_line(stream, line, error))
            return false;
    }
    return true;
}
