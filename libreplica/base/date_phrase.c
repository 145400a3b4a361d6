/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as administrators name them. */
#include "libreplica/base/date_phrase.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "libreplica/base/date.h"

#define PHRASE_SIZE_MAX 64
#define WORDS_MAX       5
/* Further back nothing was replicated. */
#define COUNT_MAX INT64_C(100000000000)

struct words {
    char text[PHRASE_SIZE_MAX + 1]; /* in lower case, NULs between the words */
    const char *word[WORDS_MAX];
    int count;
};

/* Months and years differ in length: they are counted in the calendar. */
static const struct unit {
    const char *name;
    int64_t seconds;
    int months;
} units[] = {
    {"second", 1, 0},       {"sec", 1, 0},
    {"minute", 60, 0},      {"min", 60, 0},
    {"hour", 3600, 0},      {"day", 86400, 0},
    {"week", 7 * 86400, 0}, {"fortnight", 14 * 86400, 0},
    {"month", 0, 1},        {"year", 0, 12},
};

static bool split(struct words *words, struct text phrase)
{
    bool in_word = false;

    words->count = 0;
    if (phrase.length > PHRASE_SIZE_MAX)
        return false;
    for (size_t i = 0; i < phrase.length; i++) {
        unsigned char c = (unsigned char)phrase.bytes[i];

        if (c < ' ' || c > '~')
            return false;
        words->text[i] = (char)(c == ' ' ? '\0' : tolower(c));
        if (c != ' ' && !in_word) {
            if (words->count == WORDS_MAX)
                return false;
            words->word[words->count++] = words->text + i;
        }
        in_word = c != ' ';
    }
    words->text[phrase.length] = '\0';
    return words->count > 0;
}

static const struct unit *find_unit(const char *word)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        size_t length = strlen(units[i].name);

        if (strncmp(word, units[i].name, length) == 0 &&
            (word[length] == '\0' || strcmp(word + length, "s") == 0))
            return &units[i];
    }
    return NULL;
}

/* Seconds since 1970 of a day of the calendar; MONTH counts from 0 and may be beyond 11,
 * DAY from 1 and may be beyond the month's end. */
static int64_t seconds_of_day(int64_t year, int64_t month, int64_t day)
{
    int64_t era, of_era, of_year;

    year += month / 12;
    month %= 12;
    /* Years that begin in March have their leap day at the end. */
    if (month < 2)
        year--;
    era = year / 400;
    of_era = year - era * 400;
    of_year = (153 * (month + (month > 1 ? -2 : 10)) + 2) / 5 + day - 1;
    return (era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468) *
           86400;
}

static bool months_before(apr_time_t *when, apr_time_t now, int64_t months)
{
    apr_time_exp_t t;
    int64_t month;

    apr_time_exp_gmt(&t, now);
    month = (int64_t)(t.tm_year + 1900) * 12 + t.tm_mon - months;
    if (month < INT64_C(1970) * 12)
        return false;
    *when = apr_time_from_sec(seconds_of_day(month / 12, month % 12, t.tm_mday) +
                              t.tm_hour * 3600 + t.tm_min * 60 + t.tm_sec);
    return true;
}

static bool before(apr_time_t *when, apr_time_t now, int64_t count,
                   const struct unit *unit)
{
    if (count > COUNT_MAX / (unit->months != 0 ? unit->months : unit->seconds))
        return false;
    if (unit->months != 0)
        return months_before(when, now, count * unit->months);
    if (count * unit->seconds > apr_time_sec(now))
        return false;
    *when = now - apr_time_from_sec(count * unit->seconds);
    return true;
}

static bool parse_count(int64_t *count, const char *word)
{
    if (strcmp(word, "a") == 0 || strcmp(word, "an") == 0 || strcmp(word, "last") == 0) {
        *count = 1;
        return true;
    }
    return text_parse_number(count, text_of(word));
}

/* "3 days ago", "-3 days", "last week", "3days ago" */
static bool parse_distance(apr_time_t *when, struct words *words, apr_time_t now)
{
    bool is_past = words->word[0][0] == '-' || strcmp(words->word[0], "last") == 0;
    bool has_ago = strcmp(words->word[words->count - 1], "ago") == 0;
    const struct unit *unit;
    int64_t count;

    /* "-3 days ago" would be three days ahead, as "3 days" is. */
    if (is_past == has_ago || words->count != (has_ago ? 3 : 2))
        return false;
    unit = find_unit(words->word[1]);
    return unit != NULL &&
           parse_count(&count, words->word[0] + (words->word[0][0] == '-')) &&
           before(when, now, count, unit);
}

/* "11:25" or "11:25:07" at the begin of TEXT; *length is how much of it that is. */
static bool parse_clock(int clock[3], size_t *length, const char *text)
{
    int end = 0;

    clock[2] = 0;
    if (sscanf(text, "%2d:%2d%n", &clock[0], &clock[1], &end) != 2 || end != 5 ||
        strspn(text, "0123456789:") < 5)
        return false;
    *length = 5;
    if (text[5] != ':')
        return true;
    if (!isdigit((unsigned char)text[6]) || !isdigit((unsigned char)text[7]))
        return false;
    *length = 8;
    clock[2] = (text[6] - '0') * 10 + text[7] - '0';
    return true;
}

static bool is_zone(const char *text)
{
    return *text == '\0' || strcmp(text, "z") == 0 || strcmp(text, "utc") == 0 ||
           strcmp(text, " utc") == 0;
}

/* "2026-11-20", and what may follow */
static bool parse_iso(apr_time_t *when, const struct words *words)
{
    int year, month, day, clock[3] = {0, 0, 0}, end = 0;
    char text[PHRASE_SIZE_MAX + 1], compact[80];
    size_t at = 0, length = 0;

    for (int i = 0; i < words->count; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? " " : "",
                               words->word[i]);
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10 ||
        strspn(text, "0123456789-") < 10)
        return false;
    if (text[10] == 't' || (text[10] == ' ' && isdigit((unsigned char)text[11]))) {
        if (!parse_clock(clock, &length, text + 11))
            return false;
        length++;
    }
    if (!is_zone(text + 10 + length))
        return false;
    snprintf(compact, sizeof(compact), "%04d%02d%02d%02d%02d%02d", year, month, day,
             clock[0], clock[1], clock[2]);
    return date_parse_compact(when, text_of(compact));
}

static bool parse_words(apr_time_t *when, struct words *words, apr_time_t now)
{
    const char *first = words->word[0];
    int64_t seconds;

    if (words->count == 1 && (strcmp(first, "now") == 0 || strcmp(first, "today") == 0)) {
        *when = now;
        return true;
    }
    if (words->count == 1 && strcmp(first, "yesterday") == 0)
        return before(when, now, 1, find_unit("day"));
    if (words->count == 1 && first[0] == '@') {
        if (!text_parse_number(&seconds, text_of(first + 1)) || seconds > COUNT_MAX)
            return false;
        *when = apr_time_from_sec(seconds);
        return true;
    }
    return (words->count >= 2 && parse_distance(when, words, now)) ||
           parse_iso(when, words);
}

bool date_phrase_parse(apr_time_t *when, struct text phrase, apr_time_t now,
                       struct error *error)
{
    struct words words;

    if (date_parse_utc(when, phrase) ||
        (split(&words, phrase) && parse_words(when, &words, now)))
        return true;
    return error_set(
        error, ERROR_USAGE,
        "Cannot parse time stamp '%.*s': it takes 'N days ago' (or hours, "
        "weeks, months), 'yesterday', '2026-11-20 11:25' in UTC, or @SECONDS",
        (int)(phrase.length < 60 ? phrase.length : 60), phrase.bytes);
}
