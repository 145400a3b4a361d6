/* SPDX-License-Identifier: Apache-2.0 */
/* replica-store-id --explain. */
#include "squid-helpers/store_explain.h"

#include <stdio.h>
#include <string.h>

#include "libreplica/base/clock.h"
#include "squid-helpers/helper_exchange.h"
#include "squid-helpers/store_answer.h"

/* As many as fit on a screen: why groups do not hold for an object. */
#define GROUPS_SHOWN_MAX 20

struct explanation {
    const struct store_rules *rules;
    struct geo_origins *origins;
    struct store_query query;
    struct store_answer answer;
};

static void print_answer(const struct store_answer *answer)
{
    const struct store_rule *rule = answer->rule;

    if (rule != NULL)
        printf("%s:%d: ", rule->file, rule->line);
    if (answer->key.length > 0)
        printf("%.*s\n", (int)answer->key.length, answer->key.bytes);
    else
        printf("no key: %s\n", answer->reason);
}

static void print_groups(const struct store_rules *rules,
                         const struct store_request *request)
{
    int count = store_rules_count(rules);

    for (int i = 0; i < count && i < GROUPS_SHOWN_MAX; i++) {
        const struct store_rule *group = store_rules_group(rules, i);
        const char *failure = store_rules_failure(rules, i, request);

        if (failure == NULL)
            return;
        printf("  not %s:%d: its %s is another\n", group->file, group->line, failure);
    }
    if (count > GROUPS_SHOWN_MAX)
        printf("  (and %d more)\n", count - GROUPS_SHOWN_MAX);
}

/* As if the client had asked with no proxy before. */
static bool find(struct explanation *explanation, int count, char **words)
{
    struct store_query *query = &explanation->query;

    if (count < 1 || count > 2 || strlen(words[0]) > HELPER_LINE_SIZE_MAX) {
        fprintf(stderr, "--explain takes URL [CLIENT]; the client is an address\n");
        return false;
    }
    *query = (struct store_query){.url = text_of(words[0]),
                                  .client = text_of(count > 1 ? words[1] : ""),
                                  .method = text_of("GET"),
                                  .has_headers = true};
    store_answer_find(&explanation->answer, explanation->rules, explanation->origins,
                      query);
    return true;
}

static int explain_lines(struct explanation *explanation)
{
    static char line[HELPER_LINE_SIZE_MAX];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *words[3], *rest = line;
        int count = 0;

        while (count < 3 && (words[count] = strtok_r(rest, " \n", &rest)) != NULL)
            count++;
        if (!find(explanation, count, words))
            return 2;
        print_answer(&explanation->answer);
    }
    return 0;
}

int store_explain(const void *rules, int count, char **arguments, apr_pool_t *pool)
{
    static struct explanation explanation;
    const struct store_answer *answer = &explanation.answer;
    const struct store_rule *geo = store_rules_geo(rules);
    struct error error;

    explanation.rules = rules;
    explanation.origins = geo_origins_create(pool);
    if (geo != NULL &&
        !geo_origins_refresh(explanation.origins, geo->databases, clock_now(), &error))
        fprintf(stderr, "%s\n", error.message);
    if (count == 1 && strcmp(arguments[0], "-") == 0)
        return explain_lines(&explanation);
    if (!find(&explanation, count, arguments))
        return 2;
    print_answer(answer);
    if (answer->request.kind == STORE_OBJECT)
        print_groups(rules, &answer->request);
    return answer->key.length > 0 ? 0 : 1;
}
