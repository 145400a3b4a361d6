/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a partial replica: parser and matcher. */
#include "libreplica/format/partial_rules.h"

#include <stdint.h>
#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include "libreplica/format/glob.h"

/* As long as a path can be that anybody can open. */
#define RULE_SIZE_MAX 4096

#define BLANKS " \t\r\v\f"

struct partial_rules {
    struct text text;
    apr_array_header_t *included; /* of struct glob: "/a/b", no slash at the end */
    apr_array_header_t *excluded; /* the same */
};

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

/* Several slashes, or stars, in a row are one. */
static bool says_nothing_new(const uint16_t *tokens, size_t count, uint16_t token)
{
    return count > 0 && tokens[count - 1] == token &&
           (token == '/' || token == GLOB_ANY_BYTES);
}

static bool compile(struct glob *pattern, struct text rule, apr_pool_t *pool,
                    struct error *error)
{
    uint16_t *tokens = apr_palloc(pool, (rule.length + 1) * sizeof(*tokens));
    size_t count = 0;

    for (size_t i = 0; i < rule.length; i++) {
        uint16_t token = glob_symbol(rule.bytes[i]);

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
    *pattern = (struct glob){tokens, count};
    return true;
}

static bool parse_rule(struct partial_rules *rules, struct text rule, apr_pool_t *pool,
                       struct error *error)
{
    bool excludes = rule.bytes[0] == '!';
    struct glob pattern = {NULL, 0};

    if (excludes)
        rule = text_trim((struct text){rule.bytes + 1, rule.length - 1}, BLANKS);
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
    if (excludes && pattern.length == 0)
        return error_set(error, ERROR_BAD_FORMAT, "no path follows !");
    APR_ARRAY_PUSH(excludes ? rules->excluded : rules->included, struct glob) = pattern;
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
        struct text line = text_trim(take_line(&rest), BLANKS);

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
    parsed->included = apr_array_make(pool, 8, sizeof(struct glob));
    parsed->excluded = apr_array_make(pool, 8, sizeof(struct glob));
    if (!parse_lines(parsed, pool, error))
        return false;
    *rules = parsed;
    return true;
}

struct text partial_rules_text(const struct partial_rules *rules)
{
    return rules->text;
}

/* Take the next element, without the slash before it. */
static bool take_element(struct glob *element, struct glob *rest)
{
    size_t length = 0;

    if (rest->length == 0)
        return false;
    element->symbols = rest->symbols + 1;
    while (1 + length < rest->length && element->symbols[length] != '/')
        length++;
    element->length = length;
    rest->symbols += 1 + length;
    rest->length -= 1 + length;
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
static bool includes(struct glob rule, const char *path)
{
    struct glob element;
    struct text name;

    while (take_name(&name, &path) && take_element(&element, &rule))
        if (!glob_symbols_match(element, name, false))
            return false;
    return true;
}

static bool is_included(const struct partial_rules *rules, const char *path)
{
    for (int i = 0; i < rules->included->nelts; i++)
        if (includes(APR_ARRAY_IDX(rules->included, i, struct glob), path))
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
        if (glob_symbols_match(APR_ARRAY_IDX(rules->excluded, i, struct glob), text,
                               true))
            return true;
    return false;
}
