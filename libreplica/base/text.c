/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning text that may be hostile. */
#include "libreplica/base/text.h"

#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#define REPOSITORY_NAME_MAX 60

struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

bool text_equals(struct text text, const char *string)
{
    size_t length = strlen(string);

    return text.length == length &&
           (length == 0 || memcmp(text.bytes, string, length) == 0);
}

bool text_is_same(struct text one, struct text other)
{
    return one.length == other.length &&
           (one.length == 0 || memcmp(one.bytes, other.bytes, one.length) == 0);
}

bool text_starts(struct text text, const char *prefix)
{
    size_t length = strlen(prefix);

    return text.length >= length && memcmp(text.bytes, prefix, length) == 0;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_among(char byte, const char *bytes)
{
    return byte != '\0' && strchr(bytes, byte) != NULL;
}

bool text_has_only(struct text text, const char *others)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];

        if (!is_alphanumeric(c) && !is_among(c, others))
            return false;
    }
    return text.length > 0;
}

struct text text_lower(struct text text, char *buffer)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];

        buffer[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (struct text){buffer, text.length};
}

struct text text_trim(struct text text, const char *blanks)
{
    while (text.length > 0 && is_among(text.bytes[0], blanks)) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && is_among(text.bytes[text.length - 1], blanks))
        text.length--;
    return text;
}

bool text_next_line(struct text *rest, struct text *line)
{
    const char *end;

    if (rest->length == 0)
        return false;
    end = memchr(rest->bytes, '\n', rest->length);
    if (end == NULL)
        return false;
    *line = (struct text){rest->bytes, (size_t)(end - rest->bytes)};
    rest->length -= line->length + 1;
    rest->bytes = end + 1;
    return true;
}

bool text_parse_number(int64_t *value, struct text text)
{
    int64_t number = 0;

    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.bytes[i];

        if (c < '0' || c > '9')
            return false;
        if (number > (INT64_MAX - (c - '0')) / 10)
            return false;
        number = number * 10 + (c - '0');
    }
    *value = number;
    return true;
}

int text_hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

int text_escaped_byte(struct text text, size_t at)
{
    int high, low;

    if (at >= text.length || text.length - at < 3 || text.bytes[at] != '%')
        return -1;
    high = text_hex_digit(text.bytes[at + 1]);
    low = text_hex_digit(text.bytes[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static int lower_hex_digit(char byte)
{
    return byte >= 'A' && byte <= 'F' ? -1 : text_hex_digit(byte);
}

bool text_parse_hex(unsigned char *bytes, struct text text)
{
    if (text.length % 2 != 0)
        return false;
    for (size_t i = 0; i < text.length; i += 2) {
        int high = lower_hex_digit(text.bytes[i]);
        int low = lower_hex_digit(text.bytes[i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (unsigned char)(high << 4 | low);
    }
    return true;
}

void text_format_hex(char *digits, const unsigned char *bytes, size_t length)
{
    static const char alphabet[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        digits[2 * i] = alphabet[bytes[i] >> 4];
        digits[2 * i + 1] = alphabet[bytes[i] & 15];
    }
    digits[2 * length] = '\0';
}

const char *text_for_people(struct text text, size_t limit, apr_pool_t *pool)
{
    size_t length = text.length < limit ? text.length : limit;
    char *copy = apr_palloc(pool, 4 * length + 4);
    char *out = copy;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text.bytes[i];

        if (c >= ' ' && c <= '~' && c != '\\')
            *out++ = (char)c;
        else
            out += snprintf(out, 5, "\\x%02x", (unsigned int)c);
    }
    if (length < text.length) {
        memcpy(out, "...", 3);
        out += 3;
    }
    *out = '\0';
    return copy;
}

bool text_to_string(const char **string, struct text text, apr_pool_t *pool)
{
    if (memchr(text.bytes, '\0', text.length) != NULL)
        return false;
    *string = apr_pstrmemdup(pool, text.bytes, text.length);
    return true;
}

bool text_is_repository_name(struct text text)
{
    return text.length <= REPOSITORY_NAME_MAX && text_has_only(text, "._-") &&
           is_alphanumeric(*text.bytes);
}
