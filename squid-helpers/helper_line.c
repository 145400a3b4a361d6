/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of Squid's helper protocol. */
#include "squid-helpers/helper_line.h"

#include <string.h>

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static void skip_blanks(struct text *text)
{
    while (text->length > 0 && is_blank(*text->bytes)) {
        text->bytes++;
        text->length--;
    }
}

bool helper_request_parse(struct helper_request *request, struct text line,
                          bool has_channels)
{
    size_t digits = 0;

    *request = (struct helper_request){.channel = {line.bytes, 0}, .fields = line};
    if (!has_channels)
        return true;
    while (digits < line.length && line.bytes[digits] >= '0' && line.bytes[digits] <= '9')
        digits++;
    if (digits == 0 || (digits < line.length && !is_blank(line.bytes[digits])))
        return false;
    request->channel.length = digits;
    request->fields = (struct text){line.bytes + digits, line.length - digits};
    return true;
}

bool helper_field_next(struct text *field, struct text *fields)
{
    size_t length = 0;

    skip_blanks(fields);
    while (length < fields->length && !is_blank(fields->bytes[length]))
        length++;
    *field = (struct text){fields->bytes, length};
    fields->bytes += length;
    fields->length -= length;
    return length > 0;
}

struct text helper_field_unescape(struct text field, char *buffer)
{
    struct text value = {buffer, 0};

    if (memchr(field.bytes, '%', field.length) == NULL)
        return field;
    for (size_t i = 0; i < field.length; i++) {
        int escaped = text_escaped_byte(field, i);

        buffer[value.length++] = escaped < 0 ? field.bytes[i] : (char)escaped;
        i += escaped < 0 ? 0 : 2;
    }
    return value;
}

static bool has_room(const struct helper_reply *reply, size_t length)
{
    return reply->size - reply->length >= length;
}

static void append(struct helper_reply *reply, const char *bytes, size_t length)
{
    memcpy(reply->bytes + reply->length, bytes, length);
    reply->length += length;
}

void helper_reply_begin(struct helper_reply *reply, const struct helper_request *request,
                        const char *result)
{
    size_t channel = request->channel.length;

    reply->length = 0;
    if (!has_room(reply, channel + 1 + strlen(result)))
        return;
    if (channel > 0) {
        append(reply, request->channel.bytes, channel);
        append(reply, " ", 1);
    }
    append(reply, result, strlen(result));
}

bool helper_reply_pair(struct helper_reply *reply, const char *key, struct text value)
{
    size_t key_length = strlen(key);

    /* As if every byte needed a backslash. */
    if (!has_room(reply, key_length + 2 * value.length + strlen(" =\"\"")))
        return false;
    append(reply, " ", 1);
    append(reply, key, key_length);
    append(reply, "=\"", 2);
    for (size_t i = 0; i < value.length; i++) {
        char byte = value.bytes[i];

        if (byte == '"' || byte == '\\')
            append(reply, "\\", 1);
        if ((unsigned char)byte < ' ' || byte == '\177')
            byte = '?';
        append(reply, &byte, 1);
    }
    append(reply, "\"", 1);
    return true;
}

void helper_reply_broken(struct helper_reply *reply, const struct helper_request *request,
                         const char *message)
{
    helper_reply_begin(reply, request, "BH");
    helper_reply_pair(reply, "message", text_of(message));
}
