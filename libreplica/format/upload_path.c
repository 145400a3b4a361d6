/* SPDX-License-Identifier: Apache-2.0 */
/* Names of uploads, queries, ranges. */
#include "libreplica/format/upload_path.h"

#include <string.h>
#include <strings.h>

static bool refuse(const char *reason, struct error *error)
{
    return error_set(error, ERROR_USAGE, "the name %s", reason);
}

/* Bytes of the UTF-8 sequence at the beginning of TEXT; 0: there is none. */
static size_t utf8_length(struct text text)
{
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    unsigned char first = bytes[0], low = 0x80, high = 0xBF;
    size_t length = first < 0x80                     ? 1
                    : first >= 0xC2 && first <= 0xDF ? 2
                    : first >= 0xE0 && first <= 0xEF ? 3
                    : first >= 0xF0 && first <= 0xF4 ? 4
                                                     : 0;

    if (length == 0 || length > text.length)
        return 0;
    /* Overlong forms, surrogates, beyond U+10FFFF. */
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] < low || bytes[i] > high)
            return 0;
        low = 0x80;
        high = 0xBF;
    }
    return length;
}

static bool is_plain_text(struct text text)
{
    while (text.length > 0) {
        size_t length = utf8_length(text);
        unsigned char first = (unsigned char)text.bytes[0];

        if (length == 0 || first < 0x20 || first == 0x7F)
            return false;
        text = (struct text){text.bytes + length, text.length - length};
    }
    return true;
}

static bool check_component(struct text name, struct error *error)
{
    if (name.length == 0 || text_equals(name, ".") || text_equals(name, ".."))
        return refuse("has a component that is empty, '.' or '..'", error);
    if (name.length > UPLOAD_COMPONENT_MAX)
        return refuse("has a component of more than 255 bytes", error);
    if (text_starts(name, ".cvmfs"))
        return refuse("has a component that begins with .cvmfs", error);
    return true;
}

bool upload_path_check_read(struct text path, struct error *error)
{
    struct text rest = path;

    if (path.length < 2 || path.bytes[0] != '/')
        return refuse("is empty", error);
    if (path.length > UPLOAD_PATH_MAX)
        return refuse("has more than 4096 bytes", error);
    if (!is_plain_text(path))
        return refuse("is not UTF-8 or holds a control character", error);
    while (rest.length > 0) {
        struct text name = {rest.bytes + 1, 0};

        while (name.length + 1 < rest.length && name.bytes[name.length] != '/')
            name.length++;
        if (!check_component(name, error))
            return false;
        rest = (struct text){rest.bytes + name.length + 1, rest.length - name.length - 1};
        /* A slash at the end names a directory. */
    }
    return true;
}

/* What lay below would make it a directory. */
static bool is_reserved(struct text path)
{
    size_t length = strlen(UPLOAD_RESERVED);

    return text_starts(path, UPLOAD_RESERVED) &&
           (path.length == length || path.bytes[length] == '/');
}

bool upload_path_check(struct text path, struct error *error)
{
    return upload_path_check_read(path, error) &&
           (!is_reserved(path) || refuse("is reserved", error));
}

static const char *decode(bool *is_bad, struct text text, apr_pool_t *pool)
{
    char *decoded = apr_palloc(pool, text.length + 1), *end = decoded;

    for (size_t i = 0; i < text.length; i++) {
        int byte = (unsigned char)text.bytes[i];

        if (byte == '%') {
            byte = text_escaped_byte(text, i);
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        *is_bad = *is_bad || byte <= 0;
        *end++ = (char)byte;
    }
    *end = '\0';
    return decoded;
}

bool query_find(const char **value, bool *is_bad, struct text query, const char *name,
                apr_pool_t *pool)
{
    size_t length = strlen(name);

    *is_bad = false;
    while (query.length > 0) {
        const char *end = memchr(query.bytes, '&', query.length);
        size_t part = end != NULL ? (size_t)(end - query.bytes) : query.length;

        if (part > length && memcmp(query.bytes, name, length) == 0 &&
            query.bytes[length] == '=') {
            *value = decode(
                is_bad, (struct text){query.bytes + length + 1, part - length - 1}, pool);
            return !*is_bad;
        }
        part += end != NULL;
        query = (struct text){query.bytes + part, query.length - part};
    }
    return false;
}

bool query_flag(bool *flag, const char *value)
{
    static const char *const words[] = {"true",  "1", "yes", "on",  "y", "t",
                                        "false", "0", "no",  "off", "n", "f"};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcasecmp(value, words[i]) == 0) {
            *flag = i < sizeof(words) / sizeof(*words) / 2;
            return true;
        }
    return false;
}

enum byte_range byte_range_parse(int64_t *first, int64_t *last, const char *range,
                                 int64_t size)
{
    const char *dash;
    struct text from, to;

    if (range == NULL || strncasecmp(range, "bytes=", 6) != 0)
        return BYTE_RANGE_NONE;
    range += 6;
    dash = strchr(range, '-');
    if (dash == NULL)
        return BYTE_RANGE_NONE;
    from = (struct text){range, (size_t)(dash - range)};
    to = text_of(dash + 1);
    if (from.length == 0) {
        if (!text_parse_number(first, to))
            return BYTE_RANGE_NONE;
        if (*first == 0 || size == 0)
            return BYTE_RANGE_BEYOND;
        *first = *first < size ? size - *first : 0;
        *last = size - 1;
        return BYTE_RANGE_SOME;
    }
    *last = INT64_MAX;
    if (!text_parse_number(first, from) ||
        (to.length > 0 && !text_parse_number(last, to)) || *last < *first)
        return BYTE_RANGE_NONE;
    if (*first >= size)
        return BYTE_RANGE_BEYOND;
    if (*last >= size)
        *last = size - 1;
    return BYTE_RANGE_SOME;
}
