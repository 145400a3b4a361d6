/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Squid's access log. */
#include "libreplica/format/proxy_log.h"

#include <string.h>

/* More in one answer is none of Squid's. */
#define BYTES_MAX (INT64_C(1) << 50)
/* Longer notes are none of ours. */
#define NOTE_LENGTH_MAX 1024
#define NOTE_COUNT      5

enum note { NOTE_KIND, NOTE_REPOSITORY, NOTE_RULE, NOTE_STORE_ID, NOTE_REWRITE };

static void drop(struct text *text, size_t length)
{
    text->bytes += length;
    text->length -= length;
}

static void skip_blanks(struct text *rest)
{
    while (rest->length > 0 && *rest->bytes == ' ')
        drop(rest, 1);
}

/* Take what is before the next blank; false: nothing is. */
static bool take_word(struct text *word, struct text *rest)
{
    size_t length = 0;

    skip_blanks(rest);
    while (length < rest->length && rest->bytes[length] != ' ')
        length++;
    *word = (struct text){rest->bytes, length};
    drop(rest, length);
    return length > 0;
}

static bool take_number(int64_t *number, struct text *rest)
{
    struct text word;

    *number = 0;
    if (!take_word(&word, rest))
        return false;
    return text_equals(word, "-") ||
           (text_parse_number(number, word) && *number <= BYTES_MAX);
}

static bool take_status(int *status, struct text *rest)
{
    int64_t number;

    if (!take_number(&number, rest) || number > 999)
        return false;
    *status = (int)number;
    return true;
}

static bool take_time(struct text *time, struct text *rest)
{
    const char *end;

    skip_blanks(rest);
    if (rest->length == 0 || *rest->bytes != '[')
        return false;
    end = memchr(rest->bytes, ']', rest->length);
    if (end == NULL)
        return false;
    *time = (struct text){rest->bytes + 1, (size_t)(end - rest->bytes) - 1};
    drop(rest, time->length + 2);
    return true;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Whether "HTTP/1.1"" and a blank are there. */
static bool is_version(struct text text)
{
    return text.length >= 10 && memcmp(text.bytes, "HTTP/", 5) == 0 &&
           is_digit(text.bytes[5]) && text.bytes[6] == '.' && is_digit(text.bytes[7]) &&
           text.bytes[8] == '"' && text.bytes[9] == ' ';
}

/* "METHOD URL HTTP/1.1". Squid does not escape quotes in the URL, and takes blanks out of
 * it unless it is told otherwise. */
static bool take_request(struct proxy_log_line *line, struct text *rest)
{
    struct text url;

    skip_blanks(rest);
    if (rest->length == 0 || *rest->bytes != '"')
        return false;
    drop(rest, 1);
    if (!take_word(&line->method, rest) || rest->length == 0)
        return false;
    drop(rest, 1);
    url = (struct text){rest->bytes, 0};
    while (rest->length > 0) {
        const char *blank = memchr(rest->bytes, ' ', rest->length);

        if (blank == NULL)
            return false;
        drop(rest, (size_t)(blank + 1 - rest->bytes));
        if (!is_version(*rest))
            continue;
        url.length = (size_t)(blank - url.bytes);
        line->url = url;
        drop(rest, strlen("HTTP/1.1\""));
        return true;
    }
    return false;
}

/* Skip "...", in which backslashes go before quotes. False: there is none. */
static bool skip_quoted(struct text *rest)
{
    skip_blanks(rest);
    if (rest->length == 0 || *rest->bytes != '"')
        return false;
    drop(rest, 1);
    while (rest->length > 0 && *rest->bytes != '"')
        drop(rest, *rest->bytes == '\\' && rest->length > 1 ? 2 : 1);
    drop(rest, rest->length > 0);
    return true;
}

/* "TCP_MEM_HIT:HIER_NONE" or "TCP_MISS/200": what is before SEPARATOR. */
static bool take_result(struct text *result, struct text *after, struct text *rest,
                        char separator)
{
    const char *end;

    if (!take_word(result, rest))
        return false;
    end = memchr(result->bytes, separator, result->length);
    if (end == NULL)
        return false;
    *after = (struct text){end + 1, (size_t)(result->bytes + result->length - end) - 1};
    result->length = (size_t)(end - result->bytes);
    return true;
}

static bool contains(struct text text, const char *what)
{
    return memmem(text.bytes, text.length, what, strlen(what)) != NULL;
}

static void judge_result(struct proxy_log_line *line)
{
    line->is_hit = contains(line->result, "HIT") ||
                   contains(line->result, "REFRESH_UNMODIFIED") ||
                   contains(line->result, "REFRESH_FAIL_OLD");
    line->is_denied = contains(line->result, "DENIED");
    line->is_request = !text_equals(line->url, "error:transaction-end-before-headers");
}

static void take_notes(struct text notes[NOTE_COUNT], struct text *rest)
{
    struct text word;

    take_word(&word, rest); /* milliseconds */
    for (int i = 0; i < NOTE_COUNT && take_word(&word, rest); i++)
        if (!text_equals(word, "-") && word.length <= NOTE_LENGTH_MAX)
            notes[i] = word;
}

static bool find_kind(enum policy_kind *kind, struct text name)
{
    for (int i = 0; i < POLICY_KIND_COUNT; i++)
        if (text_equals(name, policy_kind_name((enum policy_kind)i))) {
            *kind = (enum policy_kind)i;
            return true;
        }
    return false;
}

static void set_notes(struct proxy_log_line *line, const struct text notes[NOTE_COUNT],
                      char *buffer)
{
    struct policy_query query;

    line->rule = notes[NOTE_RULE];
    line->store_id = notes[NOTE_STORE_ID];
    line->rewrite = notes[NOTE_REWRITE];
    line->repository = notes[NOTE_REPOSITORY];
    if (!find_kind(&line->kind, notes[NOTE_KIND])) {
        policy_query_set_url(&query, line->url, buffer);
        line->kind = query.kind;
        line->repository = query.repository;
    }
    /* The API answers for any name. */
    if (!text_is_repository_name(line->repository))
        line->repository.length = 0;
}

/* CLIENT IDENT USER [TIME] "METHOD URL HTTP/1.1" STATUS BYTES ["REFERER"] ["AGENT"]
 * RESULT:HIERARCHY [MILLISECONDS [NOTES]] */
static bool parse_common(struct proxy_log_line *line, struct text notes[NOTE_COUNT],
                         struct text rest, struct error *error)
{
    struct text word;

    if (!take_word(&line->client, &rest) || !take_word(&word, &rest) ||
        !take_word(&word, &rest) || !take_time(&line->time, &rest))
        return error_set(error, ERROR_BAD_FORMAT,
                         "no \"client ident user [time]\" at its beginning");
    if (!take_request(line, &rest))
        return error_set(error, ERROR_BAD_FORMAT,
                         "no \"method URL HTTP/version\" after the time");
    if (!take_status(&line->status, &rest) || !take_number(&line->bytes, &rest))
        return error_set(error, ERROR_BAD_FORMAT, "no status and bytes");
    while (skip_quoted(&rest))
        ;
    if (!take_result(&line->result, &word, &rest, ':'))
        return error_set(error, ERROR_BAD_FORMAT,
                         "no result of Squid's after the bytes (TCP_MISS:...)");
    take_notes(notes, &rest);
    return true;
}

/* SECONDS.MS MILLISECONDS CLIENT RESULT/STATUS BYTES METHOD URL ... */
static bool parse_native(struct proxy_log_line *line, struct text rest,
                         struct error *error)
{
    struct text status;
    int64_t milliseconds;

    if (take_word(&line->time, &rest) && take_number(&milliseconds, &rest) &&
        take_word(&line->client, &rest) &&
        take_result(&line->result, &status, &rest, '/') &&
        take_status(&line->status, &status) && take_number(&line->bytes, &rest) &&
        take_word(&line->method, &rest) && take_word(&line->url, &rest))
        return true;
    return error_set(error, ERROR_BAD_FORMAT, "not what Squid's native format has");
}

/* Whether it begins with "1763679886.123 ". */
static bool is_native(struct text text)
{
    size_t at = 0;

    while (at < text.length && is_digit(text.bytes[at]))
        at++;
    return at > 0 && text.length - at > 4 && text.bytes[at] == '.' &&
           is_digit(text.bytes[at + 1]) && is_digit(text.bytes[at + 2]) &&
           is_digit(text.bytes[at + 3]) && text.bytes[at + 4] == ' ';
}

bool proxy_log_parse(struct proxy_log_line *line, struct text text, char *buffer,
                     struct error *error)
{
    struct text notes[NOTE_COUNT];

    for (int i = 0; i < NOTE_COUNT; i++)
        notes[i] = (struct text){text.bytes, 0};
    memset(line, 0, sizeof(*line));
    if (is_native(text) ? !parse_native(line, text, error)
                        : !parse_common(line, notes, text, error))
        return false;
    judge_result(line);
    set_notes(line, notes, buffer);
    return true;
}
