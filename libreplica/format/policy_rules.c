/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a policy: their lines. */
#include "libreplica/format/policy_rules_internal.h"

#include <string.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define COUNT(array)   (sizeof(array) / sizeof(*(array)))
#define KEY_LENGTH_MAX 60

struct parsing {
    apr_array_header_t *rules; /* of struct policy_rule */
    bool has_default;
    apr_pool_t *pool;
};

/* One line on its way. */
struct clause {
    struct parsing *parsing;
    struct policy_rule *rule;
    const struct rule_line *line;
    int next;      /* word */
    uint32_t seen; /* words that may be there once */
    bool is_default;
    apr_array_header_t *notes;
};

static const char *const once[] = {"cache", "no-cache", "limit", "method",
                                   "kind",  "suffix",   "day",   "time",
                                   "port",  "client",   "host",  "repository"};
enum { ONCE_CACHE, ONCE_NO_CACHE, ONCE_LIMIT };

static const char *shown(const struct clause *clause, struct text word)
{
    return text_for_people(word, 60, clause->parsing->pool);
}

static bool is_word(const struct clause *clause, const char *word)
{
    return clause->next < clause->line->count && !clause->line->is_quoted[clause->next] &&
           text_equals(clause->line->words[clause->next], word);
}

static bool take_argument(struct clause *clause, struct text *argument, const char *what,
                          struct error *error)
{
    if (clause->next == clause->line->count)
        return error_set(error, ERROR_BAD_FORMAT, "%s needs a value", what);
    *argument = clause->line->words[clause->next++];
    return true;
}

/* Keys that Squid does not know must end in "_". */
static const char *full_key(struct text key, apr_pool_t *pool)
{
    bool is_full = key.bytes[key.length - 1] == '_';

    return apr_psprintf(pool, "%.*s%s", (int)key.length, key.bytes, is_full ? "" : "_");
}

static bool take_note(struct clause *clause, struct error *error)
{
    static const char *const own[] = {"cache_", "kind_", "limit_", "line_",
                                      "repository_"};
    struct policy_note note;
    struct text word, key;
    const char *equals;

    if (!take_argument(clause, &word, "note", error))
        return false;
    equals = memchr(word.bytes, '=', word.length);
    key = (struct text){word.bytes, equals != NULL ? (size_t)(equals - word.bytes) : 0};
    if (!text_has_only(key, "-_") || key.length > KEY_LENGTH_MAX)
        return error_set(
            error, ERROR_BAD_FORMAT,
            "'%s' is no note: KEY=VALUE, the key of letters, digits, - and _",
            shown(clause, word));
    note.key = full_key(key, clause->parsing->pool);
    note.value = (struct text){equals + 1, word.length - key.length - 1};
    for (size_t i = 0; i < COUNT(own); i++)
        if (strcmp(note.key, own[i]) == 0)
            return error_set(error, ERROR_BAD_FORMAT, "the note %s is set anyway",
                             own[i]);
    APR_ARRAY_PUSH(clause->notes, struct policy_note) = note;
    return true;
}

/* Whether WORD may be there once and has not been. *number: which it is, or -1. */
static bool is_first(struct clause *clause, int *number, struct text word,
                     struct error *error)
{
    *number = -1;
    for (size_t i = 0; i < COUNT(once); i++)
        if (text_equals(word, once[i]))
            *number = (int)i;
    if (*number < 0)
        return true;
    if ((clause->seen >> *number & 1) != 0)
        return error_set(error, ERROR_BAD_FORMAT, "there is a second %s", once[*number]);
    clause->seen |= 1U << *number;
    return true;
}

static bool take_condition(struct clause *clause, struct text word, int number,
                           struct error *error)
{
    struct text list;

    if (number < 0)
        return error_set(error, ERROR_BAD_FORMAT,
                         "'%s' is neither an effect nor a condition",
                         shown(clause, word));
    if (clause->is_default)
        return error_set(error, ERROR_BAD_FORMAT, "the default has no conditions");
    return take_argument(clause, &list, once[number], error) &&
           policy_condition_parse(clause->rule, once[number], list, clause->parsing->pool,
                                  error);
}

static bool take_clause(struct clause *clause, struct error *error)
{
    struct text word = clause->line->words[clause->next];
    struct policy_effect *effect = &clause->rule->effect;
    int number;

    if (clause->line->is_quoted[clause->next])
        return error_set(error, ERROR_BAD_FORMAT, "\"%s\" is at no place for a text",
                         shown(clause, word));
    clause->next++;
    if (text_equals(word, "note"))
        return take_note(clause, error);
    if (!is_first(clause, &number, word, error))
        return false;
    if (number < 0 || number > ONCE_LIMIT)
        return take_condition(clause, word, number, error);
    if (!effect->is_allowed)
        return error_set(error, ERROR_BAD_FORMAT, "what is denied has no %s",
                         once[number]);
    if (number == ONCE_LIMIT)
        return take_argument(clause, &effect->limit, "limit", error);
    if ((clause->seen & 1U << ONCE_CACHE) != 0 &&
        (clause->seen & 1U << ONCE_NO_CACHE) != 0)
        return error_set(error, ERROR_BAD_FORMAT, "cache and no-cache contradict");
    effect->cache = number == ONCE_NO_CACHE ? POLICY_CACHE_NO : POLICY_CACHE_YES;
    return true;
}

static bool take_verdict(struct clause *clause, struct error *error)
{
    struct policy_effect *effect = &clause->rule->effect;

    clause->is_default = is_word(clause, "default");
    clause->next += clause->is_default;
    effect->is_allowed = is_word(clause, "allow");
    if (!effect->is_allowed && !is_word(clause, "deny"))
        return error_set(error, ERROR_BAD_FORMAT, "%s",
                         clause->is_default
                             ? "allow or deny has to follow default"
                             : "a line begins with allow, deny, default or include");
    clause->next++;
    if (!effect->is_allowed && clause->next < clause->line->count &&
        clause->line->is_quoted[clause->next])
        effect->reason = clause->line->words[clause->next++];
    return true;
}

static bool take_line(void *baton, const struct rule_line *line, struct error *error)
{
    struct parsing *parsing = baton;
    struct clause clause = {.parsing = parsing, .line = line};

    if (parsing->has_default)
        return error_set(error, ERROR_BAD_FORMAT, "the default has to be the last rule");
    if (parsing->rules->nelts == POLICY_RULES_MAX)
        return error_set(error, ERROR_TOO_LARGE, "more than %d rules", POLICY_RULES_MAX);
    clause.notes = apr_array_make(parsing->pool, 1, sizeof(struct policy_note));
    clause.rule = apr_array_push(parsing->rules);
    policy_rule_clear(clause.rule);
    clause.rule->effect.file = line->file;
    clause.rule->effect.line = line->number;
    if (!take_verdict(&clause, error))
        return false;
    while (clause.next < line->count)
        if (!take_clause(&clause, error))
            return false;
    clause.rule->effect.notes = (const struct policy_note *)clause.notes->elts;
    clause.rule->effect.note_count = clause.notes->nelts;
    parsing->has_default = clause.is_default;
    return true;
}

bool policy_rules_parse(struct policy_rules **rules, const char *file,
                        const struct rule_source *source, apr_pool_t *pool,
                        struct error *error)
{
    struct parsing parsing = {.pool = pool};
    struct policy_rules *parsed = apr_pcalloc(pool, sizeof(*parsed));

    parsing.rules = apr_array_make(pool, 64, sizeof(struct policy_rule));
    if (!rule_lines_read(file, source, take_line, &parsing, pool, error))
        return false;
    if (!parsing.has_default)
        return error_set(error, ERROR_BAD_FORMAT,
                         "%s: there is no default: end with 'default allow' or "
                         "'default deny'",
                         file);
    parsed->rules = (struct policy_rule *)parsing.rules->elts;
    parsed->count = parsing.rules->nelts;
    parsed->index = policy_index_create(parsed->rules, parsed->count, pool);
    *rules = parsed;
    return true;
}

int policy_rules_decide(const struct policy_rules *rules,
                        const struct policy_query *query)
{
    return policy_index_decide(rules->index, rules->rules, query);
}

int policy_rules_count(const struct policy_rules *rules)
{
    return rules->count;
}

const struct policy_effect *policy_rules_effect(const struct policy_rules *rules,
                                                int number)
{
    return &rules->rules[number].effect;
}

const char *policy_rules_failure(const struct policy_rules *rules, int number,
                                 const struct policy_query *query)
{
    return policy_rule_failure(&rules->rules[number], query);
}
