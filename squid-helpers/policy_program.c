/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a helper replica-policy: its rules decide what external ACLs ask. */
#include "squid-helpers/programs.h"

#include <time.h>

#include "squid-helpers/policy_explain.h"
#include "squid-helpers/policy_request.h"

#define DEFAULT_FILE "/etc/squid/replica-policy.conf"

static const char usage_text[] =
    " [--file FILE]\n"
    "       replica-policy --check FILE\n"
    "       replica-policy --explain METHOD URL CLIENT [PORT] [--file FILE]\n"
    "       replica-policy --version | --help\n\n"
    "Squid's external_acl_type runs it with the format %>a %>rm %>ru %>lp, and with\n"
    "--concurrency if it says concurrency=N. FILE is by default " DEFAULT_FILE ".\n";

static bool compile(void **compiled, const char *file, const struct rule_source *source,
                    apr_pool_t *pool, struct error *error)
{
    struct policy_rules *rules = NULL;
    bool is_parsed = policy_rules_parse(&rules, file, source, pool, error);

    *compiled = rules;
    return is_parsed;
}

static int count_rules(const void *rules)
{
    return policy_rules_count(rules);
}

static void refresh(void *baton, const void *rules, struct helper *helper)
{
    (void)rules;
    (void)helper;
    policy_request_set_time(baton, time(NULL));
}

static void answer(void *baton, const void *rules, const struct helper_request *asked,
                   struct helper_reply *reply)
{
    struct policy_request *request = baton;
    const struct policy_query *query = &request->query;

    if (!policy_request_parse(request, asked->fields))
        helper_reply_broken(reply, asked, "the query is not CLIENT METHOD URL [PORT]");
    else if (rules == NULL)
        helper_reply_broken(reply, asked, "there are no rules that can be used");
    else
        policy_request_reply(
            reply, asked, query,
            policy_rules_effect(rules, policy_rules_decide(rules, query)));
}

static struct policy_request request;

const struct rule_program policy_program = {.name = "replica-policy",
                                            .file = DEFAULT_FILE,
                                            .usage = usage_text,
                                            .compile = compile,
                                            .count = count_rules,
                                            .explain = policy_explain,
                                            .refresh = refresh,
                                            .answer = answer,
                                            .baton = &request};
