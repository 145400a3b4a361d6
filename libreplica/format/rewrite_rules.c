/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of replica-rewrite: what they say. */
#include "libreplica/format/rewrite_rules_internal.h"

#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include "libreplica/format/authority.h"

#define COUNT(array)    (sizeof(array) / sizeof(*(array)))
#define PATH_LENGTH_MAX 1024
#define NAME_LENGTH_MAX 255

struct parsing {
    apr_array_header_t *lines; /* of struct rewrite_line */
    apr_pool_t *pool;
};

/* The words of one line. */
struct words {
    const struct rule_line *line;
    int next;
    apr_pool_t *pool;
};

const char *rewrite_part_name(enum rewrite_part part)
{
    static const char *const names[REWRITE_PART_COUNT] = {[REWRITE_PATH] = "path",
                                                          [REWRITE_REPOSITORY] =
                                                              "repository",
                                                          [REWRITE_HOST] = "host"};

    return names[part];
}

static bool bad_value(struct error *error, const struct words *words, struct text value,
                      const char *what)
{
    return error_set(error, ERROR_BAD_FORMAT, "'%s' is no %s",
                     text_for_people(value, 80, words->pool), what);
}

static bool is_word(const struct words *words, const char *word)
{
    return words->next < words->line->count && !words->line->is_quoted[words->next] &&
           text_equals(words->line->words[words->next], word);
}

static bool take_word(struct words *words, const char *word)
{
    bool is_it = is_word(words, word);

    words->next += is_it;
    return is_it;
}

static bool parse_verb(struct rewrite_line *line, struct words *words,
                       struct error *error)
{
    static const struct {
        const char *word;
        int number;
    } statuses[] = {{"301", 301}, {"302", 302}, {"303", 303}, {"307", 307}, {"308", 308}};

    if (take_word(words, "rewrite"))
        return true;
    if (!take_word(words, "redirect"))
        return error_set(error, ERROR_BAD_FORMAT,
                         "a line begins with rewrite, redirect or include");
    line->status = 302;
    for (size_t i = 0; i < COUNT(statuses); i++)
        if (take_word(words, statuses[i].word)) {
            line->status = statuses[i].number;
            break;
        }
    return true;
}

static bool parse_part(struct rewrite_line *line, struct words *words,
                       struct error *error)
{
    int part = 0;

    while (part < REWRITE_PART_COUNT &&
           !take_word(words, rewrite_part_name((enum rewrite_part)part)))
        part++;
    if (part == REWRITE_PART_COUNT && words->next < words->line->count)
        return bad_value(error, words, words->line->words[words->next],
                         line->status != 0
                             ? "status (301, 302, 303, 307, 308), host, repository "
                               "or path"
                             : "host, repository or path");
    if (words->line->count - words->next != 2)
        return error_set(error, ERROR_BAD_FORMAT,
                         "it takes host, repository or path, then what there was and "
                         "what there is");
    line->part = (enum rewrite_part)part;
    line->before = words->line->words[words->next];
    line->after = words->line->words[words->next + 1];
    return true;
}

static bool check_repository(struct rewrite_line *line, const struct words *words,
                             struct error *error)
{
    if (line->before.length > NAME_LENGTH_MAX || !text_has_only(line->before, "._-*?"))
        return bad_value(error, words, line->before,
                         "name of a repository or pattern with * and ?");
    return text_is_repository_name(line->after) ||
           bad_value(error, words, line->after, "name of a repository");
}

static struct text lower(struct text text, apr_pool_t *pool)
{
    return text_lower(text, apr_palloc(pool, text.length));
}

static bool check_host(struct rewrite_line *line, const struct words *words,
                       struct error *error)
{
    struct text whole = line->before, host;
    int port;

    if (!authority_split(&line->before, &line->port, whole) ||
        !authority_is_host(line->before, "._-*?"))
        return bad_value(error, words, whole, "host, pattern with * and ?, or host:port");
    if (!authority_split(&host, &port, line->after) || !authority_is_host(host, "._-"))
        return bad_value(error, words, line->after, "host or host:port");
    line->before = lower(line->before, words->pool);
    line->after = lower(line->after, words->pool);
    return true;
}

static bool check_path(const struct words *words, struct text *path, struct error *error)
{
    const char *oddity;

    if (path->length == 0 || *path->bytes != '/' || path->length > PATH_LENGTH_MAX)
        return bad_value(error, words, *path, "path: it begins with a slash");
    if (strcspn(apr_pstrmemdup(words->pool, path->bytes, path->length), "?#*\" ") <
        path->length)
        return bad_value(error, words, *path, "path: there are no patterns and queries");
    oddity = rewrite_path_oddity(*path);
    if (oddity != NULL)
        return error_set(error, ERROR_BAD_FORMAT, "'%s' has %s",
                         text_for_people(*path, 80, words->pool), oddity);
    /* What is replaced goes up to a slash, which stays. */
    path->length -= path->bytes[path->length - 1] == '/';
    return true;
}

static bool check_paths(struct rewrite_line *line, const struct words *words,
                        struct error *error)
{
    if (!check_path(words, &line->before, error) ||
        !check_path(words, &line->after, error))
        return false;
    line->before = rewrite_path_decode(line->before,
                                       apr_palloc(words->pool, line->before.length + 1));
    if (line->status != 0 && line->after.length > line->before.length &&
        memcmp(line->after.bytes, line->before.bytes, line->before.length) == 0 &&
        line->after.bytes[line->before.length] == '/')
        return error_set(error, ERROR_BAD_FORMAT,
                         "clients would be sent from one path to the next without end");
    return true;
}

static bool check_values(struct rewrite_line *line, const struct words *words,
                         struct error *error)
{
    if (line->part == REWRITE_HOST)
        return check_host(line, words, error);
    if (line->part == REWRITE_REPOSITORY)
        return check_repository(line, words, error);
    return check_paths(line, words, error);
}

static bool take_line(void *baton, const struct rule_line *line, struct error *error)
{
    struct parsing *parsing = baton;
    struct words words = {.line = line, .pool = parsing->pool};
    struct rewrite_line taken = {.file = line->file, .number = line->number};

    if (parsing->lines->nelts == REWRITE_LINES_MAX)
        return error_set(error, ERROR_TOO_LARGE, "more than %d lines", REWRITE_LINES_MAX);
    if (!parse_verb(&taken, &words, error) || !parse_part(&taken, &words, error) ||
        !check_values(&taken, &words, error))
        return false;
    APR_ARRAY_PUSH(parsing->lines, struct rewrite_line) = taken;
    return true;
}

static struct policy_rule rule_of(const struct rewrite_line *line, apr_pool_t *pool)
{
    struct policy_names names = {.values = &line->before, .count = 1};
    struct policy_rule rule;

    policy_rule_clear(&rule);
    if (line->part == REWRITE_HOST)
        rule.hosts = names;
    else
        rule.repositories = names;
    if (line->port != 0) {
        struct policy_range *range = apr_palloc(pool, sizeof(*range));

        *range = (struct policy_range){line->port, line->port};
        rule.ports = (struct policy_ranges){.values = range, .count = 1};
    }
    return rule;
}

static struct rewrite_names names_create(const struct rewrite_rules *rules,
                                         enum rewrite_part part, apr_pool_t *pool)
{
    struct rewrite_names names = {.count = 0};

    for (int i = 0; i < rules->count; i++)
        names.count += rules->lines[i].part == part;
    names.rules = apr_palloc(pool, (size_t)(names.count + 1) * sizeof(*names.rules));
    names.numbers = apr_palloc(pool, (size_t)(names.count + 1) * sizeof(int));
    names.count = 0;
    for (int i = 0; i < rules->count; i++)
        if (rules->lines[i].part == part) {
            names.numbers[names.count] = i;
            names.rules[names.count++] = rule_of(&rules->lines[i], pool);
        }
    policy_rule_clear(&names.rules[names.count]);
    names.index = policy_index_create(names.rules, names.count + 1, pool);
    return names;
}

static void list_paths(struct rewrite_rules *rules, apr_pool_t *pool)
{
    rules->paths = apr_hash_make(pool);
    for (int i = 0; i < rules->count; i++) {
        const struct rewrite_line *line = &rules->lines[i];
        apr_ssize_t length = (apr_ssize_t)line->before.length;

        if (line->part != REWRITE_PATH)
            continue;
        if (line->before.length > rules->paths_length)
            rules->paths_length = line->before.length;
        if (apr_hash_get(rules->paths, line->before.bytes, length) == NULL)
            apr_hash_set(rules->paths, line->before.bytes, length, line);
    }
}

bool rewrite_rules_parse(struct rewrite_rules **rules, const char *file,
                         const struct rule_source *source, apr_pool_t *pool,
                         struct error *error)
{
    struct parsing parsing = {.pool = pool};
    struct rewrite_rules *parsed = apr_pcalloc(pool, sizeof(*parsed));

    parsing.lines = apr_array_make(pool, 64, sizeof(struct rewrite_line));
    if (!rule_lines_read(file, source, take_line, &parsing, pool, error))
        return false;
    parsed->lines = (struct rewrite_line *)parsing.lines->elts;
    parsed->count = parsing.lines->nelts;
    parsed->repositories = names_create(parsed, REWRITE_REPOSITORY, pool);
    parsed->hosts = names_create(parsed, REWRITE_HOST, pool);
    list_paths(parsed, pool);
    *rules = parsed;
    return true;
}

int rewrite_rules_count(const struct rewrite_rules *rules)
{
    return rules->count;
}

const struct rewrite_line *rewrite_rules_line(const struct rewrite_rules *rules,
                                              int number)
{
    return &rules->lines[number];
}
