/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of multipart/form-data.
 *
 * What parts them is CR LF "--" boundary. A CR is only at its beginning, so a match that
 * breaks off can only begin anew at the byte where it broke. */
#include "libreplica/format/multipart.h"

#include <string.h>
#include <strings.h>

enum state { IN_CONTENT, AFTER_DELIMITER, IN_HEADER, AT_END, IS_BAD };

static struct text after(struct text text, size_t length)
{
    return (struct text){text.bytes + length, text.length - length};
}

static struct text trim(struct text text)
{
    return text_trim(text, " \t\r");
}

static bool is_word(struct text text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.bytes, word, text.length) == 0;
}

/* Where the first C that is not within quotes is; the length if nowhere. */
static size_t find_outside_quotes(struct text text, char c)
{
    bool quoted = false;

    for (size_t i = 0; i < text.length; i++) {
        if (quoted && text.bytes[i] == '\\' && i + 1 < text.length)
            i++;
        else if (text.bytes[i] == '"')
            quoted = !quoted;
        else if (!quoted && text.bytes[i] == c)
            return i;
    }
    return text.length;
}

/* Without the quotes around it, if there are any, and what they escape. Each comes from
 * bytes of its own of the header, so there is room for all. */
static struct text unquote(struct multipart *multipart, struct text part)
{
    char *value = multipart->values + multipart->value_length, *end = value;

    if (part.length < 2 || part.bytes[0] != '"' || part.bytes[part.length - 1] != '"')
        return part;
    for (size_t i = 1; i + 1 < part.length; i++) {
        if (part.bytes[i] == '\\' && i + 2 < part.length &&
            strchr("\"\\", part.bytes[i + 1]) != NULL)
            i++;
        *end++ = part.bytes[i];
    }
    multipart->value_length += (size_t)(end - value);
    return (struct text){value, (size_t)(end - value)};
}

/* The value of a parameter after the first semicolon of LINE. */
static bool find_parameter(struct multipart *multipart, struct text *value,
                           struct text line, const char *name)
{
    struct text rest = after(line, find_outside_quotes(line, ';'));

    while (rest.length > 0) {
        struct text part, key;

        rest = after(rest, 1);
        part = trim((struct text){rest.bytes, find_outside_quotes(rest, ';')});
        rest = after(rest, find_outside_quotes(rest, ';'));
        key = (struct text){part.bytes, find_outside_quotes(part, '=')};
        if (key.length == part.length || !is_word(trim(key), name))
            continue;
        *value = unquote(multipart, trim(after(part, key.length + 1)));
        return true;
    }
    return false;
}

bool multipart_start(struct multipart *multipart, struct text content_type)
{
    struct text boundary, type = content_type;

    memset(multipart, 0, sizeof(*multipart));
    type.length = find_outside_quotes(type, ';');
    if (content_type.length > MULTIPART_HEADER_MAX ||
        !is_word(trim(type), "multipart/form-data") ||
        !find_parameter(multipart, &boundary, content_type, "boundary") ||
        boundary.length == 0 || boundary.length > MULTIPART_BOUNDARY_MAX ||
        memchr(boundary.bytes, '\r', boundary.length) != NULL ||
        memchr(boundary.bytes, '\n', boundary.length) != NULL)
        return false;
    memcpy(multipart->delimiter, "\r\n--", 4);
    memcpy(multipart->delimiter + 4, boundary.bytes, boundary.length);
    multipart->delimiter_length = boundary.length + 4;
    /* The first one may stand at the very beginning. */
    multipart->held = 2;
    multipart->state = IN_CONTENT;
    return true;
}

static enum multipart_event fail(struct multipart *multipart)
{
    multipart->state = IS_BAD;
    return MULTIPART_BAD;
}

static enum multipart_event end_content(struct multipart *multipart)
{
    multipart->held = 0;
    multipart->header_length = 0;
    multipart->state = AFTER_DELIMITER;
    return multipart->in_part ? MULTIPART_PART_END : MULTIPART_MORE;
}

/* How many bytes at the end of TEXT a delimiter may begin with. */
static size_t count_held(const struct multipart *multipart, struct text text)
{
    size_t tail = multipart->delimiter_length - 1;
    const char *cr;

    if (tail > text.length)
        tail = text.length;
    cr = memrchr(text.bytes + text.length - tail, '\r', tail);
    if (cr == NULL)
        return 0;
    tail = (size_t)(text.bytes + text.length - cr);
    return memcmp(cr, multipart->delimiter, tail) == 0 ? tail : 0;
}

/* A delimiter of which something was held goes on, or it was none after all. */
static enum multipart_event go_on(struct multipart *multipart, struct text *data,
                                  struct text *input)
{
    while (input->length > 0 && multipart->held < multipart->delimiter_length &&
           *input->bytes == multipart->delimiter[multipart->held]) {
        multipart->held++;
        *input = after(*input, 1);
    }
    if (multipart->held == multipart->delimiter_length)
        return end_content(multipart);
    if (input->length == 0)
        return MULTIPART_MORE;
    *data = (struct text){multipart->delimiter, multipart->held};
    multipart->held = 0;
    return MULTIPART_DATA;
}

static enum multipart_event take_content(struct multipart *multipart, struct text *data,
                                         struct text *input)
{
    const char *found;

    if (multipart->held > 0)
        return go_on(multipart, data, input);
    found = memmem(input->bytes, input->length, multipart->delimiter,
                   multipart->delimiter_length);
    if (found == input->bytes) {
        *input = after(*input, multipart->delimiter_length);
        return end_content(multipart);
    }
    *data = *input;
    if (found != NULL) {
        data->length = (size_t)(found - input->bytes);
        *input = after(*input, data->length);
        return MULTIPART_DATA;
    }
    multipart->held = count_held(multipart, *input);
    data->length -= multipart->held;
    *input = after(*input, input->length);
    return data->length > 0 ? MULTIPART_DATA : MULTIPART_MORE;
}

/* Take bytes into the header until it ends with END. */
static bool collect(struct multipart *multipart, struct text *input, const char *end)
{
    size_t length = strlen(end);

    while (input->length > 0 && multipart->header_length < MULTIPART_HEADER_MAX) {
        multipart->header[multipart->header_length++] = *input->bytes;
        *input = after(*input, 1);
        if (multipart->header_length >= length &&
            memcmp(multipart->header + multipart->header_length - length, end, length) ==
                0)
            return true;
    }
    return false;
}

/* After a delimiter: "--" at the end of all, else nothing but blanks. */
static enum multipart_event take_rest_of_line(struct multipart *multipart,
                                              struct text *input)
{
    size_t length = 0;

    do {
        if (input->length == 0)
            return MULTIPART_MORE;
        if (multipart->header_length == MULTIPART_HEADER_MAX)
            return fail(multipart);
        multipart->header[multipart->header_length++] = *input->bytes;
        *input = after(*input, 1);
        length = multipart->header_length;
        if (length == 2 && memcmp(multipart->header, "--", 2) == 0) {
            multipart->state = AT_END;
            return MULTIPART_END;
        }
    } while (length < 2 || memcmp(multipart->header + length - 2, "\r\n", 2) != 0);
    if (trim((struct text){multipart->header, length - 2}).length > 0)
        return fail(multipart);
    /* The line's end stays: no header at all is then an empty line like any other. */
    memcpy(multipart->header, "\r\n", 2);
    multipart->header_length = 2;
    multipart->state = IN_HEADER;
    return MULTIPART_MORE;
}

static void parse_header_line(struct multipart *multipart, struct text line)
{
    const char *colon = memchr(line.bytes, ':', line.length);
    struct text name = {line.bytes, 0}, value;

    if (colon == NULL)
        return;
    name.length = (size_t)(colon - line.bytes);
    value = trim(after(line, name.length + 1));
    if (is_word(name, "Content-Type"))
        multipart->type = value;
    if (!is_word(name, "Content-Disposition"))
        return;
    find_parameter(multipart, &multipart->name, line, "name");
    find_parameter(multipart, &multipart->file_name, line, "filename");
}

static enum multipart_event take_header(struct multipart *multipart, struct text *input)
{
    char *line = multipart->header, *end = multipart->header;

    if (!collect(multipart, input, "\r\n\r\n"))
        return multipart->header_length == MULTIPART_HEADER_MAX ? fail(multipart)
                                                                : MULTIPART_MORE;
    multipart->name = multipart->file_name = multipart->type = text_of("");
    multipart->value_length = 0;
    end += multipart->header_length;
    while (line < end) {
        char *next = memmem(line, (size_t)(end - line), "\r\n", 2);

        parse_header_line(multipart, (struct text){line, (size_t)(next - line)});
        line = next + 2;
    }
    multipart->in_part = true;
    multipart->state = IN_CONTENT;
    /* A part of no bytes may follow at once with its delimiter. */
    return MULTIPART_PART;
}

enum multipart_event multipart_next(struct multipart *multipart, struct text *data,
                                    struct text *input)
{
    enum multipart_event event = MULTIPART_MORE;

    while (event == MULTIPART_MORE) {
        if (multipart->state == IS_BAD)
            return MULTIPART_BAD;
        if (multipart->state == AT_END)
            return MULTIPART_END;
        if (input->length == 0)
            return MULTIPART_MORE;
        if (multipart->state == IN_CONTENT)
            event = take_content(multipart, data, input);
        else if (multipart->state == AFTER_DELIMITER)
            event = take_rest_of_line(multipart, input);
        else
            event = take_header(multipart, input);
        /* What stands before the first part means nothing. */
        if (event == MULTIPART_DATA && !multipart->in_part)
            event = MULTIPART_MORE;
        if (event == MULTIPART_PART_END)
            multipart->in_part = false;
    }
    return event;
}
