/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a program: what it says to syslog is appended to the file SYSLOG_FILE,
 * each line after its tag. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

static const char *tag = "none";

__attribute__((format(printf, 1, 0))) static void append(const char *format,
                                                         va_list arguments)
{
    const char *path = getenv("SYSLOG_FILE");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;

    if (file == NULL)
        return;
    fprintf(file, "%s: ", tag);
    vfprintf(file, format, arguments);
    fputc('\n', file);
    fclose(file);
}

void openlog(const char *ident, int options, int facility)
{
    (void)options;
    (void)facility;
    tag = ident;
}

void syslog(int priority, const char *format, ...)
{
    va_list arguments;

    (void)priority;
    va_start(arguments, format);
    append(format, arguments);
    va_end(arguments);
}

/* What syslog is called in programs that are compiled with _FORTIFY_SOURCE. */
void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;

    (void)priority;
    (void)flag;
    va_start(arguments, format);
    append(format, arguments);
    va_end(arguments);
}
