/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules of the helpers can touch. */
#include "libreplica/operate/proxy_needs.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/glob.h"
#include "libreplica/format/rewrite_rules.h"
#include "libreplica/format/store_rules.h"
#include "libreplica/store/file.h"

#define FILE_SIZE_MAX (64 * 1024 * 1024)
/* A word of Squid's configuration has 2047 bytes at most. */
#define WORD_SIZE_MAX 300

struct reading {
    struct proxy_needs *needs;
    enum proxy_helper helper;
    apr_pool_t *pool;
};

static bool read_file(struct text *content, void *baton, const char *file,
                      apr_pool_t *pool, struct error *error)
{
    (void)baton;
    return file_read(content, file, FILE_SIZE_MAX, pool, error);
}

static bool is_hex(char byte)
{
    return byte != '\0' && strchr("0123456789abcdefABCDEF", byte) != NULL;
}

/* Bytes that Squid's parser takes for something else. */
static bool is_odd(char byte)
{
    return byte <= ' ' || byte > '~' || strchr("\"'#,`", byte) != NULL;
}

/* Add what matches the first byte of REST, and take that off: Squid resolves %XX before
 * it compares. */
static char *add_byte(char *end, struct text *rest, bool is_glob)
{
    char byte = *rest->bytes;
    bool is_encoded = byte == '%' && rest->length > 2 && is_hex(rest->bytes[1]) &&
                      is_hex(rest->bytes[2]);
    size_t taken = is_encoded ? 3 : 1;

    if (is_encoded || is_odd(byte)) {
        *end++ = '.';
    } else if (is_glob && (byte == '*' || byte == '?')) {
        end = apr_cpystrn(end, byte == '*' ? "[^/]*" : "[^/]", 6);
    } else {
        if (strchr(".*?+()[]{}|^$\\", byte) != NULL)
            *end++ = '\\';
        *end++ = byte;
    }
    rest->bytes += taken;
    rest->length -= taken;
    return end;
}

/* A regular expression that matches what a rule's word means, a glob or not. */
static const char *expression_of(struct text word, bool is_glob, apr_pool_t *pool)
{
    char *expression = apr_palloc(pool, word.length * 5 + 1), *end = expression;

    while (word.length > 0)
        end = add_byte(end, &word, is_glob);
    *end = '\0';
    return expression;
}

static void add_word(struct proxy_needs *needs, apr_array_header_t *words,
                     const char *word)
{
    if (words->nelts == PROXY_NEEDS_WORDS_MAX)
        needs->rewrites_anything = true;
    else
        APR_ARRAY_PUSH(words, const char *) = word;
}

static void add_host(struct reading *reading, struct text host)
{
    struct proxy_needs *needs = reading->needs;
    const char *colon = memchr(host.bytes, ':', host.length);

    if (colon != NULL)
        host.length = (size_t)(colon - host.bytes);
    if (host.length == 0 || host.length > WORD_SIZE_MAX || strchr("[.", *host.bytes))
        needs->rewrites_anything = true; /* a dot there has a meaning of its own */
    else if (glob_is_pattern(host))
        add_word(needs, needs->host_patterns,
                 apr_pstrcat(reading->pool, "^", expression_of(host, true, reading->pool),
                             "$", NULL));
    else
        add_word(needs, needs->hosts,
                 apr_pstrmemdup(reading->pool, host.bytes, host.length));
}

static void add_path(struct reading *reading, const char *before, struct text path,
                     bool is_glob)
{
    struct proxy_needs *needs = reading->needs;
    bool is_whole = path.length <= WORD_SIZE_MAX;
    const char *word;

    if (!is_whole)
        path.length = WORD_SIZE_MAX;
    while (path.length > 0 && path.bytes[path.length - 1] == '/')
        path.length--;
    word = apr_pstrcat(reading->pool, "^", before,
                       expression_of(path, is_glob, reading->pool),
                       is_whole ? "(/|\\?|$)" : "", NULL);
    add_word(needs, needs->paths, word);
    if (*before == '\0' && !text_starts(path, "/cvmfs/"))
        APR_ARRAY_PUSH(needs->old_paths, const char *) = word;
}

/* ("rewrite" | "redirect" [STATUS]) PART OLD NEW: OLD is the last word but one. */
static void take_rewrite(struct reading *reading, const struct rule_line *line)
{
    struct text part, before;

    if (line->count < 4)
        return;
    part = line->words[line->count - 3];
    before = line->words[line->count - 2];
    if (text_equals(part, "host"))
        add_host(reading, before);
    else
        add_path(reading, text_equals(part, "repository") ? "/cvmfs/" : "", before,
                 text_equals(part, "repository"));
}

static bool take_line(void *baton, const struct rule_line *line, struct error *error)
{
    struct reading *reading = baton;

    (void)error;
    reading->needs->is_there[reading->helper] = true;
    if (reading->helper == PROXY_REWRITE)
        take_rewrite(reading, line);
    return true;
}

/* As the helper itself will, so that mistakes are seen now. */
static bool check_rules(struct reading *reading, const char *path,
                        const struct rule_source *source, struct error *error)
{
    struct policy_rules *policy;
    struct store_rules *store;
    struct rewrite_rules *rewrite;

    switch (reading->helper) {
    case PROXY_POLICY:
        if (!policy_rules_parse(&policy, path, source, reading->pool, error))
            return false;
        reading->needs->policy = policy;
        return true;
    case PROXY_REWRITE:
        return rewrite_rules_parse(&rewrite, path, source, reading->pool, error);
    default:
        if (!store_rules_parse(&store, path, source, reading->pool, error))
            return false;
        reading->needs->maps_objects = store_rules_count(store) > 0;
        reading->needs->maps_geo = store_rules_geo(store) != NULL;
        return true;
    }
}

static bool read_rules(struct reading *reading, const struct proxy_options *options,
                       struct error *error)
{
    static const struct rule_source source = {.read = read_file};
    const struct proxy_rule_file *file = &options->rules[reading->helper];
    const char *path = apr_pstrcat(reading->pool, options->root, file->path, NULL);
    struct text content;

    if (file->is_off)
        return true;
    if (!file_read(&content, path, FILE_SIZE_MAX, reading->pool, error))
        return (error->code == ERROR_NOT_FOUND && !file->is_named) ||
               error_prefix(error, "there are no rules to be read");
    return check_rules(reading, path, &source, error) &&
           rule_lines_read(path, &source, take_line, reading, reading->pool, error);
}

bool proxy_needs_read(struct proxy_needs *needs, const struct proxy_options *options,
                      apr_pool_t *pool, struct error *error)
{
    struct reading reading = {.needs = needs, .pool = pool};

    *needs = (struct proxy_needs){
        .hosts = apr_array_make(pool, 4, sizeof(const char *)),
        .host_patterns = apr_array_make(pool, 4, sizeof(const char *)),
        .paths = apr_array_make(pool, 4, sizeof(const char *)),
        .old_paths = apr_array_make(pool, 4, sizeof(const char *)),
    };
    for (int i = 0; i < PROXY_HELPER_COUNT; i++) {
        reading.helper = (enum proxy_helper)i;
        if (!read_rules(&reading, options, error))
            return false;
    }
    return true;
}
