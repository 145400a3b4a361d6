/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a partial replica: parser and matcher. */
#include "libreplica/format/partial_rules.h"

#include <stdint.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>

/* As long as a path can be that anybody can open. */
#define RULE_SIZE_MAX 4096

/* What a rule is made of: bytes that stand for themselves, and two that do not. */
enum { ANY_BYTE = 256, ANY_BYTES = 257 };

struct pattern {
    const uint16_t *tokens;
    size_t count;
};

struct partial_rules {
    struct text text;
    apr_array_header_t *included; /* of struct pattern: "/a/b", no slash at the end */
    apr_array_header_t *excluded; /* the same */
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\v' || byte == '\f';
}

static struct text trim(struct text text)
{
    while (text.length > 0 && is_blank(text.bytes[0])) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && is_blank(text.bytes[text.length - 1]))
        text.length--;
    return text;
}

/* Take the next line off *REST. */
static struct text take_line(struct text *rest)
{
    const char *end = memchr(rest->bytes, '\n', rest->length);
    struct text line = *rest;

    if (end == NULL) {
        rest->length = 0;
        return line;
    }
    line.length = (size_t)(end - rest->bytes);
    rest->bytes += line.length + 1;
    rest->length -= line.length + 1;
    return line;
}

static uint16_t token_of(char byte)
{
    return byte == '*' ? ANY_BYTES : byte == '?' ? ANY_BYTE : (unsigned char)byte;
}

/* Several slashes, or stars, in a row are one. */
static bool says_nothing_new(const uint16_t *tokens, size_t count, uint16_t token)
{
    return count > 0 && tokens[count - 1] == token &&
           (token == '/' || token == ANY_BYTES);
}

static bool compile(struct pattern *pattern, struct text rule, apr_pool_t *pool,
                    struct error *error)
{
    uint16_t *tokens = apr_palloc(pool, (rule.length + 1) * sizeof(*tokens));
    size_t count = 0;

    for (size_t i = 0; i < rule.length; i++) {
        uint16_t token = token_of(rule.bytes[i]);

        if (rule.bytes[i] == '\\') {
            if (++i == rule.length || rule.bytes[i] == '/')
                return error_set(error, ERROR_BAD_FORMAT,
                                 "there is nothing after \\ that it could escape");
            token = (unsigned char)rule.bytes[i];
        }
        if (!says_nothing_new(tokens, count, token))
            tokens[count++] = token;
    }
    while (count > 0 && tokens[count - 1] == '/')
        count--;
    *pattern = (struct pattern){tokens, count};
    return true;
}

static bool parse_rule(struct partial_rules *rules, struct text rule, apr_pool_t *pool,
                       struct error *error)
{
    bool excludes = rule.bytes[0] == '!';
    struct pattern pattern = {NULL, 0};

    if (excludes)
        rule = trim((struct text){rule.bytes + 1, rule.length - 1});
    if (rule.length > RULE_SIZE_MAX)
        return error_set(error, ERROR_BAD_FORMAT, "a rule has more than %d bytes",
                         RULE_SIZE_MAX);
    if (memchr(rule.bytes, '\0', rule.length) != NULL)
        return error_set(error, ERROR_BAD_FORMAT, "a rule holds a NUL byte");
    if (!excludes && rule.bytes[0] != '/')
        return error_set(error, ERROR_BAD_FORMAT,
                         "'%s' is no absolute path: only an exclusion (!) may do without "
                         "a slash at its beginning",
                         text_for_people(rule, 80, pool));
    if (!compile(&pattern, rule, pool, error))
        return false;
    if (excludes && pattern.count == 0)
        return error_set(error, ERROR_BAD_FORMAT, "no path follows !");
    APR_ARRAY_PUSH(excludes ? rules->excluded : rules->included, struct pattern) =
        pattern;
    return true;
}

static bool parse_version(struct text line, apr_pool_t *pool, struct error *error)
{
    return text_equals(line, "version 1") ||
           error_set(error, ERROR_BAD_FORMAT,
                     "the first line has to be 'version 1', not '%s'",
                     text_for_people(line, 80, pool));
}

static bool parse_lines(struct partial_rules *rules, apr_pool_t *pool,
                        struct error *error)
{
    struct text rest = rules->text;
    bool has_version = false;

    for (int number = 1; rest.length > 0; number++) {
        struct text line = trim(take_line(&rest));

        if (line.length == 0 || line.bytes[0] == '#')
            continue;
        if (!(has_version ? parse_rule(rules, line, pool, error)
                          : parse_version(line, pool, error)))
            return error_prefix(error, "line %d", number);
        has_version = true;
    }
    return has_version || error_set(error, ERROR_BAD_FORMAT, "there is no 'version 1'");
}

bool partial_rules_parse(struct partial_rules **rules, struct text text, apr_pool_t *pool,
                         struct error *error)
{
    struct partial_rules *parsed = apr_pcalloc(pool, sizeof(*parsed));

    if (text.length > PARTIAL_RULES_SIZE_MAX)
        return error_set(error, ERROR_TOO_LARGE, "more than %d bytes of rules",
                         PARTIAL_RULES_SIZE_MAX);
    parsed->text = (struct text){apr_pmemdup(pool, text.bytes, text.length), text.length};
    parsed->included = apr_array_make(pool, 8, sizeof(struct pattern));
    parsed->excluded = apr_array_make(pool, 8, sizeof(struct pattern));
    if (!parse_lines(parsed, pool, error))
        return false;
    *rules = parsed;
    return true;
}

struct text partial_rules_text(const struct partial_rules *rules)
{
    return rules->text;
}

/* Whether PATTERN matches TEXT or, if IT_MAY_END_EARLY, what is before one of its slashes
 * other than the first. Only the last star is ever tried again: what an earlier one might
 * have taken more, the last one takes as well. */
static bool matches(const struct pattern *pattern, struct text text,
                    bool it_may_end_early)
{
    size_t token = 0, at = 0, after_star = SIZE_MAX, star_at = 0;

    for (;;) {
        uint16_t wanted = token < pattern->count ? pattern->tokens[token] : 0;

        if (token == pattern->count &&
            (at == text.length || (it_may_end_early && at > 0 && text.bytes[at] == '/')))
            return true;
        if (wanted == ANY_BYTES) {
            after_star = ++token;
            star_at = at;
        } else if (token < pattern->count && at < text.length &&
                   (wanted == ANY_BYTE || wanted == (unsigned char)text.bytes[at])) {
            token++;
            at++;
        } else if (after_star == SIZE_MAX || star_at == text.length) {
            return false;
        } else {
            token = after_star;
            at = ++star_at;
        }
    }
}

/* Take the next element, without the slash before it. */
static bool take_element(struct pattern *element, struct pattern *rest)
{
    size_t length = 0;

    if (rest->count == 0)
        return false;
    element->tokens = rest->tokens + 1;
    while (1 + length < rest->count && element->tokens[length] != '/')
        length++;
    element->count = length;
    rest->tokens += 1 + length;
    rest->count -= 1 + length;
    return true;
}

static bool take_name(struct text *name, const char **path)
{
    if (**path == '\0')
        return false;
    *name = (struct text){*path + 1, strcspn(*path + 1, "/")};
    *path += 1 + name->length;
    return true;
}

/* Whether RULE matches PATH, one of its ancestors, or a path below it: element by element
 * as far as both go. */
static bool includes(struct pattern rule, const char *path)
{
    struct pattern element;
    struct text name;

    while (take_name(&name, &path) && take_element(&element, &rule))
        if (!matches(&element, name, false))
            return false;
    return true;
}

static bool is_included(const struct partial_rules *rules, const char *path)
{
    for (int i = 0; i < rules->included->nelts; i++)
        if (includes(APR_ARRAY_IDX(rules->included, i, struct pattern), path))
            return true;
    return false;
}

bool partial_rules_exclude(const struct partial_rules *rules, const char *path)
{
    struct text text = text_of(path);

    if (text.length == 0)
        return false;
    if (!is_included(rules, path))
        return true;
    for (int i = 0; i < rules->excluded->nelts; i++)
        if (matches(&APR_ARRAY_IDX(rules->excluded, i, struct pattern), text, true))
            return true;
    return false;
}
