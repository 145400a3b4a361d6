/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules of the helpers can touch. */
#include "libreplica/operate/proxy_needs.h"

#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/glob.h"
#include "libreplica/format/rewrite_rules.h"
#include "libreplica/format/store_rules.h"
#include "libreplica/store/file.h"

/* A word of Squid's configuration has 2047 bytes at most. */
#define WORD_SIZE_MAX 300

static bool read_file(struct text *content, void *baton, const char *file,
                      apr_pool_t *pool, struct error *error)
{
    (void)baton;
    return file_read(content, file, RULE_FILE_SIZE_MAX, pool, error);
}

/* Bytes that Squid's parser takes for something else. */
static bool is_odd(char byte)
{
    return byte <= ' ' || byte > '~' || strchr("\"'#,`", byte) != NULL;
}

/* A regular expression that matches what a rule's word means, a glob or not. Squid
 * resolves %XX before it compares. */
static const char *expression_of(struct text word, bool is_glob, apr_pool_t *pool)
{
    char *expression = apr_palloc(pool, word.length * 5 + 1), *end = expression;

    for (size_t i = 0; i < word.length; i++) {
        char byte = word.bytes[i];

        if (is_odd(byte)) {
            *end++ = '.';
        } else if (is_glob && (byte == '*' || byte == '?')) {
            end = apr_cpystrn(end, byte == '*' ? "[^/]*" : "[^/]", 6);
        } else {
            if (strchr(".*?+()[]{}|^$\\", byte) != NULL)
                *end++ = '\\';
            *end++ = byte;
        }
    }
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

static void add_host(struct proxy_needs *needs, struct text host, apr_pool_t *pool)
{
    if (host.length > WORD_SIZE_MAX || strchr("[.", *host.bytes))
        needs->rewrites_anything = true; /* a dot there has a meaning of its own */
    else if (glob_is_pattern(host))
        add_word(needs, needs->host_patterns,
                 apr_pstrcat(pool, "^", expression_of(host, true, pool), "$", NULL));
    else
        add_word(needs, needs->hosts, apr_pstrmemdup(pool, host.bytes, host.length));
}

static void add_path(struct proxy_needs *needs, const char *before, struct text path,
                     bool is_glob, apr_pool_t *pool)
{
    bool is_whole = path.length <= WORD_SIZE_MAX;
    const char *word;

    if (!is_whole)
        path.length = WORD_SIZE_MAX;
    word = apr_pstrcat(pool, "^", before, expression_of(path, is_glob, pool),
                       is_whole ? "(/|\\?|$)" : "", NULL);
    add_word(needs, needs->paths, word);
    /* What is below /cvmfs the policy does know, and a line about all paths must not keep
     * it from looking at them. */
    if (*before == '\0' && !text_starts(path, "/cvmfs/") &&
        !text_equals(path, "/cvmfs") && path.length > 0)
        APR_ARRAY_PUSH(needs->old_paths, const char *) = word;
}

static void note_line(struct proxy_needs *needs, const struct rewrite_line *line,
                      apr_pool_t *pool)
{
    if (line->part == REWRITE_HOST)
        add_host(needs, line->before, pool);
    else if (line->part == REWRITE_REPOSITORY)
        add_path(needs, "/cvmfs/", line->before, true, pool);
    else
        add_path(needs, "", line->before, false, pool);
}

static bool read_policy(struct proxy_needs *needs, const char *path,
                        const struct rule_source *source, apr_pool_t *pool,
                        struct error *error)
{
    struct policy_rules *rules;

    if (!policy_rules_parse(&rules, path, source, pool, error))
        return false;
    needs->policy = rules;
    needs->is_there[PROXY_POLICY] = true;
    return true;
}

static bool read_store(struct proxy_needs *needs, const char *path,
                       const struct rule_source *source, apr_pool_t *pool,
                       struct error *error)
{
    struct store_rules *rules;

    if (!store_rules_parse(&rules, path, source, pool, error))
        return false;
    needs->maps_objects = store_rules_count(rules) > 0;
    needs->maps_geo = store_rules_geo(rules) != NULL;
    needs->is_there[PROXY_STORE_ID] = needs->maps_objects || needs->maps_geo;
    return true;
}

static bool read_rewrite(struct proxy_needs *needs, const char *path,
                         const struct rule_source *source, apr_pool_t *pool,
                         struct error *error)
{
    struct rewrite_rules *rules;

    if (!rewrite_rules_parse(&rules, path, source, pool, error))
        return false;
    for (int i = 0; i < rewrite_rules_count(rules); i++)
        note_line(needs, rewrite_rules_line(rules, i), pool);
    needs->is_there[PROXY_REWRITE] = rewrite_rules_count(rules) > 0;
    return true;
}

/* As the helper itself will, so that mistakes are seen now. */
typedef bool rule_reader(struct proxy_needs *needs, const char *path,
                         const struct rule_source *source, apr_pool_t *pool,
                         struct error *error);

static rule_reader *const readers[PROXY_HELPER_COUNT] = {[PROXY_POLICY] = read_policy,
                                                         [PROXY_STORE_ID] = read_store,
                                                         [PROXY_REWRITE] = read_rewrite};

static bool read_rules(struct proxy_needs *needs, enum proxy_helper helper,
                       const struct proxy_options *options, apr_pool_t *pool,
                       struct error *error)
{
    static const struct rule_source source = {.read = read_file};
    const struct proxy_rule_file *file = &options->rules[helper];
    const char *path = apr_pstrcat(pool, options->root, file->path, NULL);
    struct text content;

    if (file->is_off)
        return true;
    if (!file_read(&content, path, RULE_FILE_SIZE_MAX, pool, error))
        return (error->code == ERROR_NOT_FOUND && !file->is_named) ||
               error_prefix(error, "there are no rules to be read");
    return readers[helper](needs, path, &source, pool, error);
}

bool proxy_needs_read(struct proxy_needs *needs, const struct proxy_options *options,
                      apr_pool_t *pool, struct error *error)
{
    *needs = (struct proxy_needs){
        .hosts = apr_array_make(pool, 4, sizeof(const char *)),
        .host_patterns = apr_array_make(pool, 4, sizeof(const char *)),
        .paths = apr_array_make(pool, 4, sizeof(const char *)),
        .old_paths = apr_array_make(pool, 4, sizeof(const char *)),
    };
    for (int i = 0; i < PROXY_HELPER_COUNT; i++)
        if (!read_rules(needs, (enum proxy_helper)i, options, pool, error))
            return false;
    return true;
}
