/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning text that may be hostile: spans without NUL, strict numbers, escaping for
 * people. */
#ifndef REPLICA_BASE_TEXT_H
#define REPLICA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>

/* LENGTH bytes that somebody else owns; no NUL needed, NULs allowed. */
struct text {
    const char *bytes;
    size_t length;
};

struct text text_of(const char *string);
bool text_equals(struct text text, const char *string);
bool text_is_same(struct text one, struct text other);
bool text_starts(struct text text, const char *prefix);

/* Whether TEXT has ASCII letters, digits and bytes of OTHERS only, at least one. */
bool text_has_only(struct text text, const char *others);

/* TEXT with ASCII letters in lower case, in BUFFER, which has room for it. */
struct text text_lower(struct text text, char *buffer);

/* TEXT without those of BLANKS that it begins and ends with. */
struct text text_trim(struct text text, const char *blanks);

/* Take the next line off *REST, without its LF. False if nothing is left or if the rest
 * has no LF: every format here ends its lines with one. */
bool text_next_line(struct text *rest, struct text *line);

/* Decimal digits only, at least one, at most 2^63-1. */
bool text_parse_number(int64_t *value, struct text text);

/* The value of a hex digit of either case; -1 for anything else. */
int text_hex_digit(char byte);

/* The byte that the %XX at AT stands for, 0 to 255; -1: that is none. */
int text_escaped_byte(struct text text, size_t at);

/* LENGTH / 2 bytes from lower-case hex digits; false on anything else. */
bool text_parse_hex(unsigned char *bytes, struct text text);

/* 2 * LENGTH digits and a NUL. */
void text_format_hex(char *digits, const unsigned char *bytes, size_t length);

/* A copy for logs and messages: bytes outside printable ASCII become \xNN, cut at LIMIT
 * bytes. */
const char *text_for_people(struct text text, size_t limit, apr_pool_t *pool);

/* A NUL-terminated copy. False if the text holds a NUL. */
bool text_to_string(const char **string, struct text text, apr_pool_t *pool);

/* True iff TEXT is a repository name: 1..60 of [A-Za-z0-9._-], the first alphanumeric.
 * Source: cvmfs-format 8.1. */
bool text_is_repository_name(struct text text);

#endif
