/* SPDX-License-Identifier: Apache-2.0 */
/* What a check says, and how it counts. */
#include "libreplica/operate/check_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/base/clock.h"

#define LINE_SIZE 1200

static const char *const kind_names[CHECK_KINDS] = {
    [CHECK_HEAD] = "problems of the head", [CHECK_REFLOG] = "problems of the reflog",
    [CHECK_TAGS] = "problems of the tags", [CHECK_CATALOG] = "broken rules in catalogs",
    [CHECK_MISSING] = "missing objects",   [CHECK_EMPTY] = "empty objects",
    [CHECK_CORRUPT] = "corrupt objects",
};
static const char *const kind_words[CHECK_KINDS] = {
    [CHECK_HEAD] = "head",       [CHECK_REFLOG] = "reflog",   [CHECK_TAGS] = "tags",
    [CHECK_CATALOG] = "catalog", [CHECK_MISSING] = "missing", [CHECK_EMPTY] = "empty",
    [CHECK_CORRUPT] = "corrupt",
};

const char *check_kind_name(enum check_kind kind)
{
    return kind_names[kind];
}

int64_t check_result_open(const struct check_result *result)
{
    int64_t open = 0;

    for (int i = 0; i < CHECK_KINDS; i++)
        open += result->found[i] - result->repaired[i];
    return open;
}

static void say_text(const struct check *check, const char *word, const char *format,
                     va_list arguments) __attribute__((format(printf, 3, 0)));

static void say_text(const struct check *check, const char *word, const char *format,
                     va_list arguments)
{
    char line[LINE_SIZE];
    int length = snprintf(line, sizeof(line), "%s%s", word, *word != '\0' ? ": " : "");

    vsnprintf(line + length, sizeof(line) - (size_t)length, format, arguments);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    if (check->options->say != NULL)
        check->options->say(check->options->baton, line);
}

void check_say(const struct check *check, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say_text(check, "", format, arguments);
    va_end(arguments);
}

void check_find(struct check *check, enum check_kind kind, const char *format, ...)
{
    va_list arguments;

    check->result->found[kind]++;
    va_start(arguments, format);
    say_text(check, kind_words[kind], format, arguments);
    va_end(arguments);
}

void check_repaired(struct check *check, enum check_kind kind, const char *format, ...)
{
    va_list arguments;

    check->result->repaired[kind]++;
    va_start(arguments, format);
    say_text(check, "repaired", format, arguments);
    va_end(arguments);
}

void check_not_repaired(const struct check *check, const char *what,
                        const struct error *error)
{
    check_say(check, "not repaired: %s: %s", what, error->message);
}

bool check_stopped(const struct check *check, struct error *error)
{
    bool is_late = check->deadline != 0 && clock_now() >= check->deadline;

    if (!is_late && (check->options->stop == NULL || !*check->options->stop))
        return false;
    error_set(error, ERROR_CANCELLED, "stopped while checking");
    return true;
}
