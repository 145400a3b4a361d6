/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of rule files. */
#include "libreplica/format/rule_lines.h"

#include <string.h>
#include <apr_strings.h>

#define INCLUDE_DEPTH_MAX 8
#define FILES_MAX         256

struct reading {
    const struct rule_source *source;
    rule_line_taker *take;
    void *baton;
    apr_pool_t *pool;
    int depth;
    int files;
    bool is_located; /* the error says where it is */
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static void drop(struct text *text, size_t length)
{
    text->bytes += length;
    text->length -= length;
}

/* Take a word in quotes, in which \" and \\ stand for themselves. */
static bool take_quoted(struct text *word, struct text *rest, apr_pool_t *pool,
                        struct error *error)
{
    char *copy = apr_palloc(pool, rest->length + 1);
    size_t length = 0;

    drop(rest, 1);
    while (rest->length > 0 && *rest->bytes != '"') {
        if (*rest->bytes == '\\' && rest->length > 1)
            drop(rest, 1);
        copy[length++] = *rest->bytes;
        drop(rest, 1);
    }
    if (rest->length == 0)
        return error_set(error, ERROR_BAD_FORMAT, "a quote is not closed");
    drop(rest, 1);
    if (rest->length > 0 && !is_blank(*rest->bytes))
        return error_set(error, ERROR_BAD_FORMAT, "a blank has to follow a closed quote");
    *word = (struct text){copy, length};
    return true;
}

static struct text take_bare(struct text *rest)
{
    struct text word = {rest->bytes, 0};

    while (word.length < rest->length && !is_blank(rest->bytes[word.length]))
        word.length++;
    drop(rest, word.length);
    return word;
}

static bool split(struct rule_line *line, struct text rest, apr_pool_t *pool,
                  struct error *error)
{
    line->count = 0;
    for (;;) {
        struct text *word = &line->words[line->count];

        while (rest.length > 0 && is_blank(*rest.bytes))
            drop(&rest, 1);
        if (rest.length == 0 || *rest.bytes == '#')
            return true;
        if (line->count == RULE_WORDS_MAX)
            return error_set(error, ERROR_TOO_LARGE, "a line has more than %d words",
                             RULE_WORDS_MAX);
        line->is_quoted[line->count] = *rest.bytes == '"';
        if (!line->is_quoted[line->count])
            *word = take_bare(&rest);
        else if (!take_quoted(word, &rest, pool, error))
            return false;
        line->count++;
    }
}

static bool read_file(struct reading *reading, const char *file, struct error *error);

static bool include(struct reading *reading, const struct rule_line *line,
                    struct error *error)
{
    const char *slash = strrchr(line->file, '/');
    size_t folder = slash != NULL ? (size_t)(slash - line->file) + 1 : 0;
    struct text name = line->words[line->count > 1 ? 1 : 0];
    bool is_read;

    if (line->count != 2 || name.length == 0 ||
        memchr(name.bytes, '\0', name.length) != NULL)
        return error_set(error, ERROR_BAD_FORMAT, "include takes the name of one file");
    if (reading->depth == INCLUDE_DEPTH_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "includes are more than %d deep: does a file include itself?",
                         INCLUDE_DEPTH_MAX);
    if (*name.bytes == '/')
        folder = 0;
    reading->depth++;
    is_read = read_file(reading,
                        apr_psprintf(reading->pool, "%.*s%.*s", (int)folder, line->file,
                                     (int)name.length, name.bytes),
                        error);
    reading->depth--;
    return is_read;
}

static bool take_line(struct reading *reading, struct rule_line *line, struct text text,
                      struct error *error)
{
    if (memchr(text.bytes, '\0', text.length) != NULL)
        return error_set(error, ERROR_BAD_FORMAT, "a line holds a NUL byte");
    if (!split(line, text, reading->pool, error))
        return false;
    if (line->count == 0)
        return true;
    if (!line->is_quoted[0] && text_equals(line->words[0], "include"))
        return include(reading, line, error);
    return reading->take(reading->baton, line, error);
}

static bool read_file(struct reading *reading, const char *file, struct error *error)
{
    struct rule_line line = {.file = file};
    struct text rest;

    if (++reading->files > FILES_MAX)
        return error_set(error, ERROR_TOO_LARGE, "more than %d files are included",
                         FILES_MAX);
    if (!reading->source->read(&rest, reading->source->baton, file, reading->pool, error))
        return false;
    while (rest.length > 0) {
        const char *end = memchr(rest.bytes, '\n', rest.length);
        struct text text = {rest.bytes,
                            end != NULL ? (size_t)(end - rest.bytes) : rest.length};

        line.number++;
        if (!take_line(reading, &line, text, error)) {
            if (!reading->is_located)
                error_prefix(error, "%s:%d", file, line.number);
            reading->is_located = true;
            return false;
        }
        drop(&rest, text.length + (end != NULL));
    }
    return true;
}

bool rule_lines_read(const char *file, const struct rule_source *source,
                     rule_line_taker *take, void *baton, apr_pool_t *pool,
                     struct error *error)
{
    struct reading reading = {
        .source = source, .take = take, .baton = baton, .pool = pool};

    return read_file(&reading, apr_pstrdup(pool, file), error);
}
