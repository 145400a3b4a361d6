/* SPDX-License-Identifier: Apache-2.0 */
/* The whitelist: dates, a name, and fingerprints among comments. */
#include "libreplica/format/whitelist.h"

#include <ctype.h>
#include <string.h>
#include <apr_strings.h>
#include "libreplica/base/date.h"
#include "libreplica/format/signed_text.h"

#define DATE_LENGTH        14
#define DATE_UP_TO_HOUR    10
#define FINGERPRINTS_FIRST 4

/* Minutes and seconds count as 0, whatever they say: so does every other reader. */
static bool parse_full_hour(apr_time_t *when, struct text text)
{
    char hour[DATE_LENGTH];

    if (text.length != DATE_LENGTH)
        return false;
    memcpy(hour, text.bytes, DATE_UP_TO_HOUR);
    memset(hour + DATE_UP_TO_HOUR, '0', DATE_LENGTH - DATE_UP_TO_HOUR);
    return date_parse_compact(when, (struct text){hour, DATE_LENGTH});
}

/* A fingerprint, up to the first blank or comment sign. False for all other lines. */
static bool parse_fingerprint(struct hash *hash, struct text line)
{
    char digits[HASH_TEXT_SIZE];
    size_t length = 0;

    for (size_t i = 0; i < line.length; i++) {
        char c = line.bytes[i];

        if (c == ' ' || c == '\t' || c == '#')
            break;
        if (c == ':')
            continue;
        if (length == sizeof(digits))
            return false;
        digits[length++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return hash_parse(hash, (struct text){digits, length});
}

/* Take the next line into *LINE if it says exactly WORD. */
static bool take_line(struct text *rest, const char *word)
{
    struct text ahead = *rest, line;

    if (!text_next_line(&ahead, &line) || !text_equals(line, word))
        return false;
    *rest = ahead;
    return true;
}

static bool parse_head(struct whitelist *whitelist, struct text *body, apr_pool_t *pool,
                       struct error *error)
{
    struct text line;

    if (!text_next_line(body, &line) || line.length != DATE_LENGTH)
        return error_set(error, ERROR_BAD_FORMAT,
                         "whitelist line 1 is not a date YYYYMMDDhhmmss");
    if (!date_parse_compact(&whitelist->created, line))
        whitelist->created = 0;
    if (!text_next_line(body, &line) || !text_starts(line, "E") ||
        !parse_full_hour(&whitelist->expires,
                         (struct text){line.bytes + 1, line.length - 1}))
        return error_set(error, ERROR_BAD_FORMAT,
                         "whitelist line 2 is not an expiry date EYYYYMMDDhhmmss");
    if (!text_next_line(body, &line) || !text_starts(line, "N") ||
        !text_is_repository_name((struct text){line.bytes + 1, line.length - 1}))
        return error_set(error, ERROR_BAD_FORMAT,
                         "whitelist line 3 is not N and a repository name");
    whitelist->fqrn = apr_pstrmemdup(pool, line.bytes + 1, line.length - 1);
    whitelist->uses_pkcs7 = take_line(body, "Vpkcs7");
    whitelist->needs_ca_chain = take_line(body, "Wcachain");
    return true;
}

static void parse_fingerprints(struct whitelist *whitelist, struct text body,
                               apr_pool_t *pool)
{
    struct text line;
    struct hash hash;

    whitelist->lines = body;
    whitelist->fingerprints =
        apr_array_make(pool, FINGERPRINTS_FIRST, sizeof(struct hash));
    while (text_next_line(&body, &line))
        if (parse_fingerprint(&hash, line))
            APR_ARRAY_PUSH(whitelist->fingerprints, struct hash) = hash;
}

bool whitelist_parse(struct whitelist **whitelist, struct text text, apr_pool_t *pool,
                     struct error *error)
{
    struct whitelist *parsed = apr_pcalloc(pool, sizeof(*parsed));
    /* What a PKCS#7 structure embeds is a body alone. */
    struct signed_text parts = {.body = text};
    bool framed = signed_text_has_separator(text);

    if (text.length > WHITELIST_SIZE_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "a whitelist of %zu bytes is above the limit of %d", text.length,
                         WHITELIST_SIZE_MAX);
    if (framed && !signed_text_split(&parts, text, error))
        return error_prefix(error, "whitelist");
    if (!parse_head(parsed, &parts.body, pool, error))
        return false;
    if (!framed && !parsed->uses_pkcs7)
        return error_set(error, ERROR_BAD_FORMAT,
                         "the whitelist has no line '--': it is cut");
    parse_fingerprints(parsed, parts.body, pool);
    parsed->signed_text = parts.hash_text;
    parsed->signature = parts.signature;
    *whitelist = parsed;
    return true;
}

bool whitelist_check(const struct whitelist *whitelist, const char *fqrn, apr_time_t now,
                     struct error *error)
{
    char date[DATE_UTC_SIZE];

    if (now >= whitelist->expires) {
        date_format_iso(date, whitelist->expires);
        return error_set(error, ERROR_EXPIRED,
                         "the whitelist of %s expired at %s; its owner has to sign it "
                         "anew",
                         whitelist->fqrn, date);
    }
    if (strcmp(whitelist->fqrn, fqrn) != 0)
        return error_set(error, ERROR_NAME_MISMATCH,
                         "the whitelist is for %s, not for %s", whitelist->fqrn, fqrn);
    return true;
}

bool whitelist_check_certificate(const struct whitelist *whitelist, struct text der,
                                 struct error *error)
{
    for (int i = 0; i < whitelist->fingerprints->nelts; i++) {
        const struct hash *listed =
            &APR_ARRAY_IDX(whitelist->fingerprints, i, struct hash);
        struct hash fingerprint;

        hash_bytes(&fingerprint, listed->algorithm, der.bytes, der.length);
        if (hash_equals(listed, &fingerprint))
            return true;
    }
    return error_set(error, ERROR_NOT_LISTED,
                     "the certificate is not on the whitelist of %s", whitelist->fqrn);
}

/* "93:AB:...:15-SHAKE128" */
static const char *format_fingerprint(const struct hash *hash, apr_pool_t *pool)
{
    char text[HASH_TEXT_SIZE];
    char *line = apr_palloc(pool, 2 * HASH_TEXT_SIZE), *end = line;

    hash_format(text, hash);
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i > 0 && i % 2 == 0 && i < 2 * HASH_DIGEST_SIZE)
            *end++ = ':';
        *end++ = (char)toupper((unsigned char)text[i]);
    }
    *end = '\0';
    return line;
}

static const char *format_head(const struct whitelist *whitelist, apr_time_t created,
                               apr_time_t expires, apr_pool_t *pool)
{
    char created_text[DATE_UTC_SIZE], expires_text[DATE_UTC_SIZE];

    date_format_compact(created_text, created);
    date_format_compact(expires_text, expires);
    return apr_pstrcat(pool, created_text, "\nE", expires_text, "\nN", whitelist->fqrn,
                       "\n", whitelist->uses_pkcs7 ? "Vpkcs7\n" : "",
                       whitelist->needs_ca_chain ? "Wcachain\n" : "", NULL);
}

static struct text add_fingerprints(const char *body, const apr_array_header_t *added,
                                    apr_pool_t *pool)
{
    for (int i = 0; i < added->nelts; i++)
        body = apr_pstrcat(
            pool, body, format_fingerprint(&APR_ARRAY_IDX(added, i, struct hash), pool),
            "\n", NULL);
    return text_of(body);
}

struct text whitelist_format_body(const struct whitelist *whitelist, apr_pool_t *pool)
{
    const char *head =
        format_head(whitelist, whitelist->created, whitelist->expires, pool);

    return add_fingerprints(head, whitelist->fingerprints, pool);
}

apr_time_t whitelist_half_life(const struct whitelist *whitelist)
{
    return whitelist->created + (whitelist->expires - whitelist->created) / 2;
}

struct text whitelist_format_successor(const struct whitelist *present,
                                       apr_time_t created, apr_time_t expires,
                                       const apr_array_header_t *added, apr_pool_t *pool)
{
    struct text head = text_of(format_head(present, created, expires, pool));
    struct text kept = present->lines; /* comments may hold any byte */
    struct text rest = add_fingerprints("", added, pool);
    char *body = apr_palloc(pool, head.length + kept.length + rest.length);

    memcpy(body, head.bytes, head.length);
    memcpy(body + head.length, kept.bytes, kept.length);
    memcpy(body + head.length + kept.length, rest.bytes, rest.length);
    return (struct text){body, head.length + kept.length + rest.length};
}
