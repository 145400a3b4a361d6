/* SPDX-License-Identifier: Apache-2.0 */
/* replica-store-id --explain. */
#include "squid-helpers/store_explain.h"

#include <stdio.h>
#include <string.h>

#include "squid-helpers/helper_exchange.h"

/* As many as fit on a screen: why groups do not hold for an object. */
#define GROUPS_SHOWN_MAX 20

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

int store_explain(struct store_answer *answer, const struct store_rules *rules,
                  struct geo_origins *origins, int count, char **arguments, bool is_brief)
{
    /* As if the client had asked with no proxy before. */
    struct store_query query = {.method = text_of("GET"), .has_headers = true};

    if (count < 1 || count > 2 || strlen(arguments[0]) > HELPER_LINE_SIZE_MAX) {
        fprintf(stderr, "--explain takes URL [CLIENT]; the client is an address\n");
        return 2;
    }
    query.url = text_of(arguments[0]);
    query.client = text_of(count > 1 ? arguments[1] : "");
    store_answer_find(answer, rules, origins, &query);
    print_answer(answer);
    if (answer->request.kind == STORE_OBJECT && !is_brief)
        print_groups(rules, &answer->request);
    return answer->key.length > 0 ? 0 : 1;
}
