/* SPDX-License-Identifier: Apache-2.0 */
/* The library's log sink. */
#include "libreplica/base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static log_sink *current_sink;
static void *current_baton;
static enum log_level current_least;

void log_set_sink(log_sink *sink, void *baton, enum log_level least)
{
    current_sink = sink;
    current_baton = baton;
    current_least = least;
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list arguments;
    char line[1024];

    if (current_sink == NULL || level > current_least)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    current_sink(current_baton, level, line);
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};

    return names[level];
}
