/* SPDX-License-Identifier: Apache-2.0 */
/* The KEY=value files: shell assignments are read, nothing is ever executed. */
#include "libreplica/base/settings.h"

#include <string.h>
#include <apr_strings.h>

/* Where we are, for messages. */
struct place {
    const char *file;
    int line;
};

static bool is_key_byte(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct text *text)
{
    while (text->length > 0 && is_blank(*text->bytes)) {
        text->bytes++;
        text->length--;
    }
}

/* Take the longest run of key bytes off *REST. */
static struct text take_key(struct text *rest)
{
    struct text key = {rest->bytes, 0};

    while (key.length < rest->length && is_key_byte(rest->bytes[key.length]))
        key.length++;
    rest->bytes += key.length;
    rest->length -= key.length;
    return key;
}

static int find_key(struct text key)
{
    for (int id = 0; id < SETTING_COUNT; id++)
        if (text_equals(key, setting_table[id].key))
            return id;
    return -1;
}

/* What a scanner of values is in the middle of. */
enum quote { QUOTE_NONE, QUOTE_SINGLE, QUOTE_DOUBLE };

/* The value of a shell word at the start of REST, or NULL if only a shell could tell. */
static const char *word_value(struct text rest, apr_pool_t *pool)
{
    char *value = apr_palloc(pool, rest.length + 1), *out = value;
    enum quote quote = QUOTE_NONE;
    size_t i;

    for (i = 0; i < rest.length; i++) {
        char c = rest.bytes[i];

        if (c == '\0')
            return NULL;
        if (quote == QUOTE_SINGLE) {
            if (c == '\'')
                quote = QUOTE_NONE;
            else
                *out++ = c;
        } else if (c == '"') {
            quote = quote == QUOTE_DOUBLE ? QUOTE_NONE : QUOTE_DOUBLE;
        } else if (c == '\\' && i + 1 < rest.length) {
            char next = rest.bytes[++i];

            if (quote == QUOTE_DOUBLE && strchr("\\\"$`", next) == NULL)
                *out++ = '\\';
            *out++ = next;
        } else if (c == '$' || c == '`' || c == '\\') {
            return NULL;
        } else if (quote == QUOTE_DOUBLE) {
            *out++ = c;
        } else if (c == '\'') {
            quote = QUOTE_SINGLE;
        } else if (is_blank(c)) {
            break;
        } else if (strchr(";&|<>()", c) != NULL) {
            return NULL;
        } else {
            *out++ = c;
        }
    }
    *out = '\0';
    rest.bytes += i;
    rest.length -= i;
    skip_blanks(&rest);
    return quote == QUOTE_NONE && (rest.length == 0 || *rest.bytes == '#') ? value : NULL;
}

static bool assign(struct settings *settings, enum setting_scope scope,
                   struct place place, int id, struct text rest, struct error *error)
{
    const struct setting *setting = &setting_table[id];
    apr_pool_t *pool = settings_pool(settings);
    const char *value = word_value(rest, pool), *text;
    int64_t number;

    if (value == NULL)
        return error_set(error, ERROR_SETTING,
                         "%s:%d: the value of %s needs a shell; write it out", place.file,
                         place.line, setting->key);
    if (setting->scope == SETTING_SCOPE_SERVER && scope == SETTING_SCOPE_REPOSITORY)
        return error_set(error, ERROR_SETTING,
                         "%s:%d: %s is a setting of the server; move it to server.local",
                         place.file, place.line, setting->key);
    if (!setting_check(&text, &number, setting, value, error))
        return error_prefix(error, "%s:%d", place.file, place.line);
    settings_assign(settings, (enum setting_id)id, text, number);
    return true;
}

/* A line with a key of the table anywhere in assignment position decides something we
 * use. */
static int assigned_key_within(struct text line)
{
    for (size_t i = 0; i + 1 < line.length; i++) {
        struct text rest = {line.bytes + i, line.length - i};
        struct text key;

        if (i > 0 && is_key_byte(line.bytes[i - 1]))
            continue;
        key = take_key(&rest);
        if (text_starts(rest, "=") || text_starts(rest, "+="))
            if (find_key(key) >= 0)
                return find_key(key);
    }
    return -1;
}

static bool parse_shell(struct settings *settings, struct place place, struct text line,
                        struct error *error)
{
    apr_pool_t *pool = settings_pool(settings);
    int id = assigned_key_within(line);

    if (id >= 0)
        return error_set(
            error, ERROR_SETTING,
            "%s:%d: %s is assigned inside a shell construct; write KEY=value", place.file,
            place.line, setting_table[id].key);
    settings_warn(settings,
                  apr_psprintf(pool, "%s:%d: passed over, not KEY=value: %s", place.file,
                               place.line, text_for_people(line, 60, pool)));
    return true;
}

/* "KEY=" off the beginning of *REST, with or without `export` in front. */
static bool take_assignment(struct text *key, struct text *rest)
{
    if (text_starts(*rest, "export ")) {
        rest->bytes += strlen("export ");
        rest->length -= strlen("export ");
        skip_blanks(rest);
    }
    *key = take_key(rest);
    if (key->length == 0 || !text_starts(*rest, "="))
        return false;
    rest->bytes++;
    rest->length--;
    return true;
}

static bool parse_line(struct settings *settings, enum setting_scope scope,
                       struct place place, struct text line, struct error *error)
{
    struct text rest, key;
    int id;

    skip_blanks(&line);
    if (line.length == 0 || *line.bytes == '#')
        return true;
    rest = line;
    if (!take_assignment(&key, &rest))
        return parse_shell(settings, place, line, error);
    id = find_key(key);
    if (id >= 0)
        return assign(settings, scope, place, id, rest, error);
    if (text_starts(key, "REPLICA_"))
        return error_set(error, ERROR_SETTING, "%s:%d: there is no setting %s",
                         place.file, place.line,
                         text_for_people(key, 60, settings_pool(settings)));
    return assigned_key_within(rest) < 0 || parse_shell(settings, place, line, error);
}

/* The next line, the last one also without its LF. */
static bool take_line(struct text *text, struct text *line)
{
    if (text->length == 0)
        return false;
    if (!text_next_line(text, line)) {
        *line = *text;
        text->length = 0;
    }
    return true;
}

const char *settings_find_value(struct text text, const char *key, apr_pool_t *pool)
{
    const char *value = NULL;
    struct text line, name;

    while (take_line(&text, &line)) {
        skip_blanks(&line);
        if (take_assignment(&name, &line) && text_equals(name, key))
            value = word_value(line, pool);
    }
    return value;
}

bool settings_parse(struct settings *settings, enum setting_scope scope, const char *file,
                    struct text text, struct error *error)
{
    struct place place = {file, 0};
    struct text line;

    while (take_line(&text, &line)) {
        place.line++;
        if (!parse_line(settings, scope, place, line, error))
            return false;
    }
    return true;
}
