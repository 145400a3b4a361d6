/* SPDX-License-Identifier: Apache-2.0 */
/* Errors by value. */
#include "libreplica/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;

    if (error == NULL)
        return false;
    error->code = code;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    return false;
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
    return false;
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
    return false;
}

const char *error_code_name(enum error_code code)
{
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

    return names[code];
}
