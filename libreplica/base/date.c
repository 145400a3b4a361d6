/* SPDX-License-Identifier: Apache-2.0 */
/* Dates as the reference's files hold them. */
#include "libreplica/base/date.h"

#include <stdio.h>
#include <string.h>

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void date_format_utc(char text[DATE_UTC_SIZE], apr_time_t when)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, when);
    snprintf(text, DATE_UTC_SIZE, "%s %s %2d %02d:%02d:%02d UTC %d", day_names[t.tm_wday],
             month_names[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
             t.tm_year + 1900);
}

void date_format_compact(char text[DATE_UTC_SIZE], apr_time_t when)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, when);
    snprintf(text, DATE_UTC_SIZE, "%04d%02d%02d%02d%02d%02d", t.tm_year + 1900,
             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

void date_format_iso(char text[DATE_UTC_SIZE], apr_time_t when)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, when);
    snprintf(text, DATE_UTC_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.tm_year + 1900,
             t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

void date_format_message(char text[DATE_UTC_SIZE], apr_time_t when)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, when);
    snprintf(text, DATE_UTC_SIZE, "%d %s %04d %02d:%02d:%02d", t.tm_mday,
             month_names[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static int days_in_month(int year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month] + (month == 1 && leap);
}

/* MONTH counts from 0. */
static bool date_from_parts(apr_time_t *when, int year, int month, int day, int hour,
                            int minute, int second)
{
    apr_time_exp_t t = {0};

    if (year < 1970 || month < 0 || month > 11 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    t.tm_year = year - 1900;
    t.tm_mon = month;
    t.tm_mday = day;
    t.tm_hour = hour;
    t.tm_min = minute;
    t.tm_sec = second;
    return apr_time_exp_gmt_get(when, &t) == APR_SUCCESS;
}

/* The value of LENGTH digits at BYTES, or -1. A leading blank counts as 0. */
static int digits(const char *bytes, size_t length)
{
    int value = 0;

    for (size_t i = 0; i < length; i++) {
        char c = i == 0 && bytes[i] == ' ' ? '0' : bytes[i];

        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

static bool all_digits(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
    return true;
}

bool date_parse_compact(apr_time_t *when, struct text text)
{
    const char *b = text.bytes;

    if (text.length != 14 || !all_digits(text))
        return false;
    return date_from_parts(when, digits(b, 4), digits(b + 4, 2) - 1, digits(b + 6, 2),
                           digits(b + 8, 2), digits(b + 10, 2), digits(b + 12, 2));
}

/* Offsets: "2026-11-20T11:25:07Z" */
bool date_parse_iso(apr_time_t *when, struct text text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
    const char *b = text.bytes;

    if (text.length != strlen(form))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (form[i] == 'd' ? b[i] < '0' || b[i] > '9' : b[i] != form[i])
            return false;
    return date_from_parts(when, digits(b, 4), digits(b + 5, 2) - 1, digits(b + 8, 2),
                           digits(b + 11, 2), digits(b + 14, 2), digits(b + 17, 2));
}

static int month_of(const char *name)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(name, month_names[i], 3) == 0)
            return i;
    return -1;
}

/* Offsets: "Fri Nov 20 11:25:07 UTC 2026" */
bool date_parse_utc(apr_time_t *when, struct text text)
{
    const char *b = text.bytes;
    int day, hour, minute, second, year;

    if (text.length > 0 && b[text.length - 1] == '\n')
        text.length--;
    if (text.length != 28 || b[3] != ' ' || b[7] != ' ' || b[10] != ' ' || b[13] != ':' ||
        b[16] != ':' || memcmp(b + 19, " UTC ", 5) != 0)
        return false;
    day = digits(b + 8, 2);
    hour = digits(b + 11, 2);
    minute = digits(b + 14, 2);
    second = digits(b + 17, 2);
    year = digits(b + 24, 4);
    if (day < 0 || hour < 0 || minute < 0 || second < 0 || year < 0)
        return false;
    return date_from_parts(when, year, month_of(b + 4), day, hour, minute, second);
}

/* Offsets: "26 Oct 2021 15:00:00", or one less after the day. */
bool date_parse_message(apr_time_t *when, struct text text)
{
    static const char form[] = "d aaa dddd dd:dd:dd";
    const char *b = text.bytes;
    int day;

    if (text.length == strlen(form) + 1 && *b >= '0' && *b <= '9') {
        b++;
        text.length--;
    }
    if (text.length != strlen(form))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (form[i] == 'd' ? b[i] < '0' || b[i] > '9' : form[i] != 'a' && b[i] != form[i])
            return false;
    day = digits(b, 1) + (b == text.bytes ? 0 : 10 * digits(text.bytes, 1));
    return date_from_parts(when, digits(b + 6, 4), month_of(b + 2), day,
                           digits(b + 11, 2), digits(b + 14, 2), digits(b + 17, 2));
}
