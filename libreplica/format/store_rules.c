/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of what a cache keeps once. Conditions are those of policies, and groups are
 * found by their index. */
#include "libreplica/format/store_rules.h"

#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/format/policy_rules_internal.h"

#define NAME_LENGTH_MAX 60
/* Whom servers trust by default: what they say of others counts, not where they are. */
#define CLIENTS_BY_DEFAULT "!127.0.0.0/8,::1"

struct store_rules {
    struct policy_rule *conditions; /* of each group */
    struct store_rule *groups;
    int count;
    const struct policy_index *index;
    bool has_geo;
    struct policy_rule geo_conditions;
    struct store_rule geo;
};

struct parsing {
    struct store_rules *rules;
    apr_array_header_t *conditions; /* of struct policy_rule */
    apr_array_header_t *groups;     /* of struct store_rule */
    const char *name;               /* of the last group, */
    struct text prefix;             /* and its keys' */
    apr_pool_t *pool;
};

/* One line on its way. */
struct clause {
    struct parsing *parsing;
    const struct rule_line *line;
    struct policy_rule *conditions;
    struct store_rule *rule;
    bool is_geo;
    bool has_host, has_repository, has_client, has_database;
};

static const char *shown(const struct clause *clause, struct text word)
{
    return text_for_people(word, 60, clause->parsing->pool);
}

static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char byte = name.bytes[i];

        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
              (byte == '-' && i > 0 && i + 1 < name.length)))
            return false;
    }
    return name.length > 0 && name.length <= NAME_LENGTH_MAX;
}

/* Several lines with one name are one group. */
static bool take_name(struct clause *clause, struct error *error)
{
    struct parsing *parsing = clause->parsing;
    struct text name = {"", 0};

    if (clause->line->count > 1)
        name = clause->line->words[1];
    if (!is_name(name))
        return error_set(error, ERROR_BAD_FORMAT,
                         "'%s' is no name of a group: small letters, digits and dashes",
                         shown(clause, name));
    if (parsing->name == NULL || !text_equals(name, parsing->name)) {
        parsing->name = apr_pstrmemdup(parsing->pool, name.bytes, name.length);
        parsing->prefix = text_of(apr_psprintf(
            parsing->pool, "http://%s.objects.replica.internal/data/", parsing->name));
    }
    clause->rule->prefix = parsing->prefix;
    return true;
}

/* A port in a rule would never match. */
static bool check_hosts(const struct clause *clause, struct error *error)
{
    const struct policy_names *hosts = &clause->conditions->hosts;

    for (int i = 0; i < hosts->count; i++)
        if (*hosts->values[i].bytes != '[' &&
            memchr(hosts->values[i].bytes, ':', hosts->values[i].length) != NULL)
            return error_set(error, ERROR_BAD_FORMAT,
                             "host: '%s' has a port: hosts are named without",
                             shown(clause, hosts->values[i]));
    return true;
}

static bool take_databases(struct clause *clause, struct text list, struct error *error)
{
    apr_pool_t *pool = clause->parsing->pool;
    apr_array_header_t *files = apr_array_make(pool, 1, sizeof(const char *));
    char *rest = apr_pstrmemdup(pool, list.bytes, list.length), *state, *file;

    for (file = apr_strtok(rest, ",", &state); file != NULL;
         file = apr_strtok(NULL, ",", &state)) {
        if (*file != '/')
            return error_set(error, ERROR_BAD_FORMAT,
                             "database: '%s' does not begin with a slash",
                             shown(clause, text_of(file)));
        APR_ARRAY_PUSH(files, const char *) = file;
    }
    if (files->nelts == 0)
        return error_set(error, ERROR_BAD_FORMAT, "database needs the name of a file");
    clause->rule->databases = files;
    return true;
}

static bool note_first(bool *seen, const char *word, struct error *error)
{
    if (*seen)
        return error_set(error, ERROR_BAD_FORMAT, "there is a second %s", word);
    *seen = true;
    return true;
}

static bool take_condition(struct clause *clause, const char *name, bool *seen,
                           struct text list, struct error *error)
{
    return note_first(seen, name, error) &&
           policy_condition_parse(clause->conditions, name, list, clause->parsing->pool,
                                  error);
}

static bool take_word(struct clause *clause, struct text word, struct text list,
                      struct error *error)
{
    if (text_equals(word, "host"))
        return take_condition(clause, "host", &clause->has_host, list, error) &&
               check_hosts(clause, error);
    if (text_equals(word, "repository"))
        return take_condition(clause, "repository", &clause->has_repository, list, error);
    if (clause->is_geo && text_equals(word, "client"))
        return take_condition(clause, "client", &clause->has_client, list, error);
    if (clause->is_geo && text_equals(word, "database"))
        return note_first(&clause->has_database, "database", error) &&
               take_databases(clause, list, error);
    return error_set(error, ERROR_BAD_FORMAT, "'%s' is not among %s", shown(clause, word),
                     clause->is_geo ? "host, repository, client and database"
                                    : "host and repository");
}

static bool take_words(struct clause *clause, int next, struct error *error)
{
    const struct rule_line *line = clause->line;

    for (; next < line->count; next += 2)
        if (next + 1 == line->count)
            return error_set(error, ERROR_BAD_FORMAT, "'%s' needs a value",
                             shown(clause, line->words[next]));
        else if (!take_word(clause, line->words[next], line->words[next + 1], error))
            return false;
    if (!clause->has_host)
        return error_set(error, ERROR_BAD_FORMAT, "there is no host");
    if (!clause->is_geo && !clause->has_repository)
        return error_set(error, ERROR_BAD_FORMAT, "there is no repository");
    return true;
}

static bool take_group(struct clause *clause, struct error *error)
{
    struct parsing *parsing = clause->parsing;

    if (parsing->groups->nelts == STORE_RULES_MAX)
        return error_set(error, ERROR_TOO_LARGE, "more than %d groups", STORE_RULES_MAX);
    clause->conditions = apr_array_push(parsing->conditions);
    clause->rule = apr_array_push(parsing->groups);
    *clause->rule =
        (struct store_rule){clause->line->file, clause->line->number, {"", 0}, NULL};
    policy_rule_clear(clause->conditions);
    return take_name(clause, error) && take_words(clause, 2, error);
}

static bool take_geo(struct clause *clause, struct error *error)
{
    struct parsing *parsing = clause->parsing;
    struct store_rules *rules = parsing->rules;
    bool ignored = false;

    if (rules->has_geo)
        return error_set(
            error, ERROR_BAD_FORMAT,
            "there is a second geo line, and answers are those of one server");
    rules->has_geo = clause->is_geo = true;
    clause->conditions = &rules->geo_conditions;
    clause->rule = &rules->geo;
    *clause->rule = (struct store_rule){
        clause->line->file, clause->line->number, text_of("http://geo.replica.internal/"),
        apr_array_make(parsing->pool, 1, sizeof(const char *))};
    policy_rule_clear(clause->conditions);
    return take_words(clause, 1, error) &&
           (clause->has_client || take_condition(clause, "client", &ignored,
                                                 text_of(CLIENTS_BY_DEFAULT), error));
}

static bool take_line(void *baton, const struct rule_line *line, struct error *error)
{
    struct parsing *parsing = baton;
    struct clause clause = {.parsing = parsing, .line = line};

    if (text_equals(line->words[0], "group"))
        return take_group(&clause, error);
    if (text_equals(line->words[0], "geo"))
        return take_geo(&clause, error);
    return error_set(error, ERROR_BAD_FORMAT, "a line begins with group, geo or include");
}

bool store_rules_parse(struct store_rules **rules, const char *file,
                       const struct rule_source *source, apr_pool_t *pool,
                       struct error *error)
{
    struct store_rules *parsed = apr_pcalloc(pool, sizeof(*parsed));
    struct parsing parsing = {.rules = parsed, .pool = pool};

    parsing.conditions = apr_array_make(pool, 64, sizeof(struct policy_rule));
    parsing.groups = apr_array_make(pool, 64, sizeof(struct store_rule));
    if (!rule_lines_read(file, source, take_line, &parsing, pool, error))
        return false;
    parsed->conditions = (struct policy_rule *)parsing.conditions->elts;
    parsed->groups = (struct store_rule *)parsing.groups->elts;
    parsed->count = parsing.groups->nelts;
    parsed->index = policy_index_create(parsed->conditions, parsed->count, pool);
    *rules = parsed;
    return true;
}

static struct policy_query query_of(const struct store_request *request)
{
    return (struct policy_query){.host = request->host,
                                 .repository = request->repository};
}

int store_rules_find(const struct store_rules *rules, const struct store_request *request)
{
    struct policy_query query = query_of(request);

    return policy_index_decide(rules->index, rules->conditions, &query);
}

int store_rules_count(const struct store_rules *rules)
{
    return rules->count;
}

const struct store_rule *store_rules_group(const struct store_rules *rules, int number)
{
    return &rules->groups[number];
}

const char *store_rules_failure(const struct store_rules *rules, int number,
                                const struct store_request *request)
{
    struct policy_query query = query_of(request);

    return policy_rule_failure(&rules->conditions[number], &query);
}

const struct store_rule *store_rules_geo(const struct store_rules *rules)
{
    return rules->has_geo ? &rules->geo : NULL;
}

const char *store_rules_geo_failure(const struct store_rules *rules,
                                    const struct store_request *request,
                                    struct text client)
{
    struct policy_query query = query_of(request);

    if (!policy_query_set_client(&query, client))
        return "client";
    return policy_rule_failure(&rules->geo_conditions, &query);
}

struct text store_key_of_object(char *key, size_t size, const struct store_rule *group,
                                const struct store_request *request)
{
    size_t length = group->prefix.length;

    if (length + request->object.length > size)
        return (struct text){key, 0};
    memcpy(key, group->prefix.bytes, length);
    memcpy(key + length, request->object.bytes, request->object.length);
    return (struct text){key, length + request->object.length};
}

struct text store_key_of_geo(char *key, size_t size, const struct store_rule *geo,
                             const struct store_request *request, uint64_t version,
                             struct text origin)
{
    int length = snprintf(key, size, "%s%llx/%.*s/%.*s", geo->prefix.bytes,
                          (unsigned long long)version, (int)origin.length, origin.bytes,
                          (int)request->servers.length, request->servers.bytes);

    if (length < 0 || (size_t)length >= size)
        length = 0;
    return (struct text){key, (size_t)length};
}
