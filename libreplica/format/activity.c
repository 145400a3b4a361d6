/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing activity messages. */
#include "libreplica/format/activity.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "libreplica/base/date.h"

#define VERSION 1

static struct text encode(struct text bytes, apr_pool_t *pool)
{
    char *digits = apr_palloc(pool, (bytes.length + 2) / 3 * 4 + 1);
    int length = EVP_EncodeBlock((unsigned char *)digits,
                                 (const unsigned char *)bytes.bytes, (int)bytes.length);

    return (struct text){digits, (size_t)length};
}

/* What we would have written, and nothing else: OpenSSL alone passes blanks over. */
static bool decode(struct text *bytes, struct text digits, apr_pool_t *pool)
{
    char *decoded = apr_palloc(pool, digits.length + 1);
    int length = EVP_DecodeBlock((unsigned char *)decoded,
                                 (const unsigned char *)digits.bytes, (int)digits.length);

    if (digits.length == 0 || digits.length % 4 != 0 || length < 0)
        return false;
    length -= digits.bytes[digits.length - 1] == '=';
    length -= digits.bytes[digits.length - 2] == '=';
    *bytes = (struct text){decoded, (size_t)length};
    return text_is_same(encode(*bytes, pool), digits);
}

static bool take_text(struct text *text, json_t *root, const char *key,
                      struct error *error)
{
    json_t *member = json_object_get(root, key);

    if (!json_is_string(member))
        return error_set(error, ERROR_BAD_FORMAT, "activity: %s is missing or no text",
                         key);
    *text = (struct text){json_string_value(member), json_string_length(member)};
    return true;
}

static bool check_kind(json_t *root, struct error *error)
{
    json_t *version = json_object_get(root, "version");
    struct text type = {0};

    if (!json_is_integer(version) || json_integer_value(version) != VERSION)
        return error_set(error, ERROR_BAD_FORMAT, "activity: version is not %d", VERSION);
    return take_text(&type, root, "type", error) &&
           (text_equals(type, "activity") ||
            error_set(error, ERROR_BAD_FORMAT, "activity: type is not 'activity'"));
}

static bool read_members(struct activity *activity, json_t *root, apr_pool_t *pool,
                         struct error *error)
{
    struct text timestamp = {0}, fqrn = {0}, digits = {0};

    if (!check_kind(root, error) || !take_text(&timestamp, root, "timestamp", error) ||
        !take_text(&fqrn, root, "repository", error) ||
        !take_text(&digits, root, "manifest", error))
        return false;
    if (!date_parse_message(&activity->time, timestamp))
        return error_set(error, ERROR_BAD_FORMAT,
                         "activity: timestamp is no time like '26 Oct 2021 15:00:00'");
    if (!text_is_repository_name(fqrn))
        return error_set(error, ERROR_BAD_FORMAT,
                         "activity: repository is no name of a repository");
    activity->fqrn = apr_pstrmemdup(pool, fqrn.bytes, fqrn.length);
    if (!decode(&activity->manifest, digits, pool))
        return error_set(error, ERROR_BAD_FORMAT, "activity: manifest is no base64");
    return activity->manifest.length <= MANIFEST_SIZE_MAX ||
           error_set(error, ERROR_TOO_LARGE, "activity: manifest is too large");
}

bool activity_parse(struct activity **activity, struct text text, apr_pool_t *pool,
                    struct error *error)
{
    struct activity *parsed = apr_pcalloc(pool, sizeof(*parsed));
    json_error_t problem;
    json_t *root;
    bool ok;

    if (text.length > ACTIVITY_SIZE_MAX)
        return error_set(error, ERROR_TOO_LARGE, "activity: more than %d bytes",
                         ACTIVITY_SIZE_MAX);
    root = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(root)) {
        json_decref(root);
        return error_set(error, ERROR_BAD_FORMAT, "activity: no JSON object");
    }
    ok = read_members(parsed, root, pool, error);
    json_decref(root);
    if (ok)
        *activity = parsed;
    return ok;
}

/* None of the values can hold what JSON would escape. */
struct text activity_format(const struct activity *activity, apr_pool_t *pool)
{
    char date[DATE_UTC_SIZE];

    date_format_message(date, activity->time);
    return text_of(apr_pstrcat(pool, "{\"version\":1,\"timestamp\":\"", date,
                               "\",\"type\":\"activity\",\"repository\":\"",
                               activity->fqrn, "\",\"manifest\":\"",
                               encode(activity->manifest, pool).bytes, "\"}", NULL));
}
