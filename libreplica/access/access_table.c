/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of an access file, and what they allow. */
#include "libreplica/access/access.h"

#include <string.h>
#include <apr_strings.h>

#define ANONYMOUS "anonymous"
#define WORDS_MAX 6

struct access_rule {
    const char *principal;
    unsigned int verbs;     /* bit set of 1 << enum access_verb */
    const char *repository; /* "*": all */
    struct text path;       /* "" or "/a/b" */
};

struct line {
    struct text words[WORDS_MAX];
    int count;
};

static const char *const verb_names[ACCESS_VERB_COUNT] = {[ACCESS_READ] = "read",
                                                          [ACCESS_WRITE] = "write",
                                                          [ACCESS_DELETE] = "delete",
                                                          [ACCESS_TTL] = "ttl",
                                                          [ACCESS_ADMIN] = "admin"};

static const char *copy(struct text text, apr_pool_t *pool)
{
    return apr_pstrmemdup(pool, text.bytes, text.length);
}

bool access_is_principal(struct text name)
{
    return name.length <= 60 && text_has_only(name, "._-");
}

/* Take the text up to one of SEPARATORS off *REST. */
static struct text take_part(struct text *rest, const char *separators)
{
    struct text part = {rest->bytes, 0};

    while (part.length < rest->length &&
           strchr(separators, rest->bytes[part.length]) == NULL)
        part.length++;
    rest->bytes += part.length;
    rest->length -= part.length;
    if (rest->length > 0) {
        rest->bytes++;
        rest->length--;
    }
    return part;
}

/* False: too many words. */
static bool split(struct line *line, struct text text)
{
    line->count = 0;
    while (text.length > 0) {
        struct text word = take_part(&text, " \t\r");

        if (word.length == 0)
            continue;
        if (word.bytes[0] == '#')
            return true;
        if (line->count == WORDS_MAX)
            return false;
        line->words[line->count++] = word;
    }
    return true;
}

static bool parse_verbs(unsigned int *verbs, struct text list, struct error *error)
{
    *verbs = 0;
    while (list.length > 0) {
        struct text name = take_part(&list, ",");
        unsigned int found = text_equals(name, "all") ? (1U << ACCESS_VERB_COUNT) - 1 : 0;

        for (int i = 0; i < ACCESS_VERB_COUNT; i++)
            if (text_equals(name, verb_names[i]))
                found |= 1U << i;
        if (found == 0)
            return error_set(error, ERROR_SETTING,
                             "a verb is none of read, write, delete, ttl, admin, all");
        *verbs |= found;
    }
    return *verbs != 0 || error_set(error, ERROR_SETTING, "there is no verb");
}

/* Absolute, of components that are none of "", "." and ".."; "/" is everything. */
static bool parse_path(struct text *path, struct text text, struct error *error)
{
    struct text rest = text;

    while (text.length > 0 && text.bytes[text.length - 1] == '/')
        text.length--;
    *path = text;
    if (rest.length == 0 || rest.bytes[0] != '/')
        return error_set(error, ERROR_SETTING, "a path begins with a slash");
    take_part(&text, "/");
    while (text.length > 0) {
        struct text part = take_part(&text, "/");

        if (part.length == 0 || text_equals(part, ".") || text_equals(part, ".."))
            return error_set(error, ERROR_SETTING,
                             "a path has an empty component, or '.' or '..'");
    }
    return true;
}

static bool add_rule(struct access_table *table, const struct line *line,
                     apr_pool_t *pool, struct error *error)
{
    struct access_rule rule;
    struct text path = {"/", 1};

    if (line->count < 4 || line->count > 5)
        return error_set(error, ERROR_SETTING,
                         "allow wants PRINCIPAL VERBS REPOSITORY [PATH]");
    if (!text_equals(line->words[3], "*") && !text_is_repository_name(line->words[3]))
        return error_set(error, ERROR_SETTING, "that is no name of a repository");
    if (line->count == 5)
        path = line->words[4];
    if (!parse_verbs(&rule.verbs, line->words[2], error) ||
        !parse_path(&path, path, error))
        return false;
    rule.principal = copy(line->words[1], pool);
    rule.repository = copy(line->words[3], pool);
    rule.path = text_of(copy(path, pool));
    APR_ARRAY_PUSH(table->rules, struct access_rule) = rule;
    return true;
}

static bool add_token(struct access_table *table, const struct line *line,
                      apr_pool_t *pool, struct error *error)
{
    struct access_token token;

    if (line->count != 3 || line->words[2].length != ACCESS_TOKEN_HASH_SIZE - 1 ||
        !text_parse_hex(token.digest, line->words[2]))
        return error_set(error, ERROR_SETTING,
                         "token wants PRINCIPAL SHA256, 64 lower-case hex digits");
    token.principal = copy(line->words[1], pool);
    APR_ARRAY_PUSH(table->tokens, struct access_token) = token;
    return true;
}

static bool add_key(struct access_table *table, const struct line *line, apr_pool_t *pool,
                    struct error *error)
{
    struct access_key key = {NULL};

    if (line->count != 3 || line->words[2].bytes[0] == '.' ||
        !text_has_only(line->words[2], "._-@+"))
        return error_set(error, ERROR_SETTING,
                         "key wants PRINCIPAL FILE, a name in the directory of keys");
    key.principal = copy(line->words[1], pool);
    key.file = copy(line->words[2], pool);
    APR_ARRAY_PUSH(table->keys, struct access_key) = key;
    return true;
}

static bool add_line(struct access_table *table, const struct line *line,
                     apr_pool_t *pool, struct error *error)
{
    bool is_rule = text_equals(line->words[0], "allow");

    if (line->count >= 2 && !access_is_principal(line->words[1]))
        return error_set(error, ERROR_SETTING, "that is no name of a principal");
    if (line->count >= 2 && !is_rule && text_equals(line->words[1], ANONYMOUS))
        return error_set(error, ERROR_SETTING,
                         "anonymous is who has neither token nor key");
    if (is_rule)
        return add_rule(table, line, pool, error);
    if (text_equals(line->words[0], "token"))
        return add_token(table, line, pool, error);
    if (text_equals(line->words[0], "key"))
        return add_key(table, line, pool, error);
    return error_set(error, ERROR_SETTING,
                     "a line begins with token, key or allow, or is a comment");
}

bool access_parse(struct access_table **table, struct text text, const char *file,
                  apr_pool_t *pool, struct error *error)
{
    struct access_table *parsed = apr_palloc(pool, sizeof(*parsed));
    struct line line;

    parsed->tokens = apr_array_make(pool, 8, sizeof(struct access_token));
    parsed->keys = apr_array_make(pool, 8, sizeof(struct access_key));
    parsed->rules = apr_array_make(pool, 8, sizeof(struct access_rule));
    if (memchr(text.bytes, '\0', text.length) != NULL)
        return error_set(error, ERROR_SETTING, "%s holds a NUL byte", file);
    for (int number = 1; text.length > 0; number++) {
        if (!split(&line, take_part(&text, "\n")))
            return error_set(error, ERROR_SETTING, "%s:%d: too many words", file, number);
        if (line.count > 0 && !add_line(parsed, &line, pool, error))
            return error_prefix(error, "%s:%d", file, number);
    }
    *table = parsed;
    return true;
}

bool access_parse_key(const char **id, const char **secret, struct text text,
                      apr_pool_t *pool, struct error *error)
{
    struct text first = take_part(&text, "\n");
    struct line line;

    if (memchr(first.bytes, '\0', first.length) != NULL || !split(&line, first) ||
        line.count != 3 || !text_equals(line.words[0], "plain_text"))
        return error_set(error, ERROR_BAD_FORMAT,
                         "its first line is not: plain_text ID SECRET");
    *id = copy(line.words[1], pool);
    *secret = copy(line.words[2], pool);
    return true;
}

/* Whole components: /a is above /a and /a/b, not above /ab. */
static bool is_below(const char *path, struct text prefix)
{
    return strncmp(path, prefix.bytes, prefix.length) == 0 &&
           (path[prefix.length] == '\0' || path[prefix.length] == '/');
}

bool access_allows(const struct access_table *table, const char *principal,
                   const struct access_request *request, struct error *error)
{
    for (int i = 0; i < table->rules->nelts; i++) {
        const struct access_rule *rule =
            &APR_ARRAY_IDX(table->rules, i, struct access_rule);

        if (strcmp(rule->principal, principal) == 0 &&
            (rule->verbs & 1U << request->verb) != 0 &&
            (strcmp(rule->repository, "*") == 0 ||
             strcmp(rule->repository, request->repository) == 0) &&
            (request->path == NULL || is_below(request->path, rule->path)))
            return true;
    }
    if (strcmp(principal, ANONYMOUS) == 0)
        return error_set(error, ERROR_BAD_SIGNATURE, "a token or a key is needed");
    return error_set(error, ERROR_PERMISSION, "%.60s may not %s here", principal,
                     verb_names[request->verb]);
}
