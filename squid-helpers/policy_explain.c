/* SPDX-License-Identifier: Apache-2.0 */
/* replica-policy --explain. */
#include "squid-helpers/policy_explain.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <apr_strings.h>

#include "squid-helpers/policy_request.h"

/* As many as fit on a screen: why rules before the one that decides did not. */
#define RULES_SHOWN_MAX 20

static void print_effect(const struct policy_effect *effect, apr_pool_t *pool)
{
    printf("%s:%d: %s", effect->file, effect->line,
           effect->is_allowed ? "allow" : "deny");
    if (effect->is_allowed)
        printf(" %s", effect->cache == POLICY_CACHE_YES ? "cache" : "no-cache");
    if (effect->reason.length > 0)
        printf(" \"%s\"", text_for_people(effect->reason, 200, pool));
    if (effect->limit.length > 0)
        printf(" limit %s", text_for_people(effect->limit, 200, pool));
    for (int i = 0; i < effect->note_count; i++)
        printf(" note %s=%s", effect->notes[i].key,
               text_for_people(effect->notes[i].value, 200, pool));
    printf("\n");
}

static const char *shown(struct text text, apr_pool_t *pool)
{
    return text.length > 0 ? text_for_people(text, 200, pool) : "-";
}

static void print_query(const struct policy_query *query, apr_pool_t *pool)
{
    char suffix[2] = {query->suffix, '\0'};

    printf("  method %s, kind %s, repository %s, host %s, suffix %s, client %s, port %d, "
           "time %02d:%02d\n",
           shown(query->method, pool), policy_kind_name(query->kind),
           shown(query->repository, pool), shown(query->host, pool),
           query->suffix != '\0' ? suffix : "none",
           query->has_client ? "known" : "not an address", query->port,
           query->minute / 60, query->minute % 60);
}

static void print_others(const struct policy_rules *rules, int number,
                         const struct policy_query *query)
{
    int first = number > RULES_SHOWN_MAX ? number - RULES_SHOWN_MAX : 0;

    if (first > 0)
        printf("  (%d rules before these do not match either)\n", first);
    for (int i = first; i < number; i++) {
        const struct policy_effect *effect = policy_rules_effect(rules, i);

        printf("  not %s:%d: its %s is another\n", effect->file, effect->line,
               policy_rules_failure(rules, i, query));
    }
}

/* Fields as Squid would send them, but not escaped. False: they are no request. */
static bool set_query(struct policy_request *request, int count, char **arguments)
{
    struct policy_query *query = &request->query;
    int64_t port = 0;

    if (count < 3 || count > 4 || strlen(arguments[1]) > sizeof(request->names) ||
        !policy_query_set_client(query, text_of(arguments[2])) ||
        (count == 4 &&
         (!text_parse_number(&port, text_of(arguments[3])) || port > 65535)))
        return false;
    query->method = text_of(arguments[0]);
    policy_query_set_url(query, text_of(arguments[1]), request->names);
    query->port = (int)port;
    policy_request_set_time(request, time(NULL));
    return true;
}

int policy_explain(void *baton, const void *rules, int count, char **arguments,
                   bool is_brief, apr_pool_t *pool)
{
    struct policy_request *request = baton;
    const struct policy_effect *effect;
    int number;

    if (!set_query(request, count, arguments)) {
        fprintf(stderr,
                "--explain takes METHOD URL CLIENT [PORT]; the client is an address\n");
        return 2;
    }
    number = policy_rules_decide(rules, &request->query);
    effect = policy_rules_effect(rules, number);
    print_effect(effect, pool);
    if (!is_brief) {
        print_query(&request->query, pool);
        print_others(rules, number, &request->query);
    }
    return effect->is_allowed ? 0 : 1;
}
