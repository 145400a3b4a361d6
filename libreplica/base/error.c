/* SPDX-License-Identifier: Apache-2.0 */
/* Errors by value. */
#include "libreplica/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at TEXT; 0 if there is none. A NUL ends it early, never
 * late. */
static size_t sequence_length(const unsigned char *text)
{
    static const struct {
        unsigned char mask, lead, least_second, most_second;
        size_t length;
    } forms[] = {
        {0x80, 0x00, 0, 0, 1},       {0xe0, 0xc0, 0x80, 0xbf, 2},
        {0xff, 0xe0, 0xa0, 0xbf, 3}, {0xff, 0xed, 0x80, 0x9f, 3},
        {0xf0, 0xe0, 0x80, 0xbf, 3}, {0xff, 0xf0, 0x90, 0xbf, 4},
        {0xff, 0xf4, 0x80, 0x8f, 4}, {0xf8, 0xf0, 0x80, 0xbf, 4},
    };
    size_t form = 0, length;

    while (form < sizeof(forms) / sizeof(*forms) &&
           (text[0] & forms[form].mask) != forms[form].lead)
        form++;
    if (form == sizeof(forms) / sizeof(*forms) || text[0] == 0xc0 || text[0] == 0xc1 ||
        text[0] > 0xf4)
        return 0;
    length = forms[form].length;
    if (length > 1 &&
        (text[1] < forms[form].least_second || text[1] > forms[form].most_second))
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Messages quote what strangers sent (SQLite's do, and file names): nothing of that may
 * reach a terminal or a log but printable UTF-8. */
static bool clean(struct error *error)
{
    unsigned char *text = (unsigned char *)error->message;

    while (*text != '\0') {
        size_t length = sequence_length(text);

        if (length == 0 || *text < ' ' || *text == 0x7f) {
            *text = '?';
            length = 1;
        }
        text += length;
    }
    return false;
}

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;

    if (error == NULL)
        return false;
    error->code = code;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return clean(error);
}

static enum error_code code_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return ERROR_NO_SPACE;
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_PERMISSION;
    case EEXIST:
        return ERROR_EXISTS;
    default:
        return ERROR_IO;
    }
}

bool error_set_errno(struct error *error, int number, const char *format, ...)
{
    va_list arguments;
    char reason[80];
    size_t used;

    if (error == NULL)
        return false;
    error->code = code_of_errno(number);
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    used = strlen(error->message);
    snprintf(error->message + used, sizeof(error->message) - used, ": %s",
             strerror_r(number, reason, sizeof(reason)));
    return clean(error);
}

bool error_prefix(struct error *error, const char *format, ...)
{
    va_list arguments;
    char old[ERROR_MESSAGE_SIZE];
    size_t used;

    if (error == NULL)
        return false;
    memcpy(old, error->message, sizeof(old));
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    used = strlen(error->message);
    snprintf(error->message + used, sizeof(error->message) - used, ": %.*s",
             (int)sizeof(old) - 1, old);
    return clean(error);
}

static const char *const names[] = {
    [ERROR_NONE] = "none",
    [ERROR_USAGE] = "usage",
    [ERROR_SETTING] = "setting",
    [ERROR_IO] = "io",
    [ERROR_NO_SPACE] = "no-space",
    [ERROR_PERMISSION] = "permission",
    [ERROR_NOT_FOUND] = "not-found",
    [ERROR_EXISTS] = "exists",
    [ERROR_BUSY] = "busy",
    [ERROR_BAD_FORMAT] = "bad-format",
    [ERROR_BAD_HASH] = "bad-hash",
    [ERROR_BAD_SIGNATURE] = "bad-signature",
    [ERROR_NAME_MISMATCH] = "name-mismatch",
    [ERROR_NOT_LISTED] = "not-listed",
    [ERROR_EXPIRED] = "expired",
    [ERROR_OUTDATED] = "outdated",
    [ERROR_TOO_LARGE] = "too-large",
    [ERROR_UNREACHABLE] = "unreachable",
    [ERROR_REFUSED] = "refused",
    [ERROR_CANCELLED] = "cancelled",
    [ERROR_UNSUPPORTED] = "unsupported",
};

const char *error_code_name(enum error_code code)
{
    return names[code];
}

enum error_code error_code_parse(const char *name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], name) == 0)
            return (enum error_code)i;
    return ERROR_IO;
}
