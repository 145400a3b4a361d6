/* SPDX-License-Identifier: Apache-2.0 */
/* From a query about a URL to the key that its answer is kept under. */
#include "squid-helpers/store_answer.h"

#include <string.h>

#include "squid-helpers/helper_exchange.h"

bool store_query_parse(struct store_query *query, struct text fields)
{
    struct text header;
    bool has_cdn;

    *query = (struct store_query){.has_headers = false};
    if (!helper_field_next(&query->url, &fields) ||
        !helper_field_next(&query->client, &fields) ||
        !helper_field_next(&query->method, &fields) || text_equals(query->method, "-"))
        return false;
    has_cdn = helper_field_next(&header, &fields);
    query->is_from_cdn = has_cdn && !text_equals(header, "-");
    /* The last one may have blanks. */
    while (helper_field_next(&header, &fields)) {
        query->has_headers = true;
        query->is_forwarded = query->is_forwarded || !text_equals(header, "-");
    }
    return true;
}

static const char *find_object(struct store_answer *answer,
                               const struct store_rules *rules)
{
    int number = store_rules_find(rules, &answer->request);

    if (number < 0)
        return "its host and repository are in no group";
    answer->rule = store_rules_group(rules, number);
    answer->key = store_key_of_object(answer->bytes, sizeof(answer->bytes), answer->rule,
                                      &answer->request);
    return answer->key.length > 0 ? NULL : "its key is too long";
}

static const char *describe_failure(const char *failure)
{
    if (strcmp(failure, "host") == 0)
        return "the geo line is for other hosts";
    if (strcmp(failure, "repository") == 0)
        return "the geo line is for other repositories";
    return "the geo line is not for this client";
}

/* Requests from a content delivery network are answered in a way of their own. */
static const char *refuse_question(struct store_answer *answer,
                                   const struct store_rules *rules,
                                   const struct store_query *query)
{
    const char *failure;

    if (store_rules_geo(rules) == NULL)
        return "there is no geo line";
    failure = store_rules_geo_failure(rules, &answer->request, query->client);
    if (failure != NULL)
        return describe_failure(failure);
    answer->is_incomplete = !query->has_headers;
    if (answer->is_incomplete)
        return "the query does not say whether it was forwarded";
    return query->is_from_cdn ? "it comes from a content delivery network" : NULL;
}

static const char *find_question(struct store_answer *answer,
                                 const struct store_rules *rules,
                                 struct geo_origins *origins,
                                 const struct store_query *query)
{
    static char bytes[STORE_KEY_SIZE];
    const char *reason = refuse_question(answer, rules, query);
    const struct geo_asker asker = {answer->request.caching_string, query->client,
                                    query->is_forwarded};
    struct text origin;
    uint64_t version;

    answer->rule = store_rules_geo(rules);
    if (reason != NULL)
        return reason;
    origin = geo_origins_write(&version, bytes, sizeof(bytes), origins, &asker);
    if (origin.length == 0)
        return "it was forwarded, and the place of its client is not known";
    answer->key = store_key_of_geo(answer->bytes, sizeof(answer->bytes), answer->rule,
                                   &answer->request, version, origin);
    return answer->key.length > 0 ? NULL : "its key is too long";
}

void store_answer_find(struct store_answer *answer, const struct store_rules *rules,
                       struct geo_origins *origins, const struct store_query *query)
{
    static char names[HELPER_LINE_SIZE_MAX];

    answer->key = (struct text){answer->bytes, 0};
    answer->rule = NULL;
    answer->is_incomplete = false;
    store_request_parse(&answer->request, query->url, names);
    if (!text_equals(query->method, "GET"))
        answer->reason = "its method is not GET";
    else if (answer->request.kind == STORE_OBJECT)
        answer->reason = find_object(answer, rules);
    else if (answer->request.kind == STORE_GEO)
        answer->reason = find_question(answer, rules, origins, query);
    else
        answer->reason = answer->request.reason;
}
