/* SPDX-License-Identifier: Apache-2.0 */
/* replica-policy: an external ACL helper that answers by a file of rules. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <apr_general.h>

#include "libreplica/base/clock.h"
#include "squid-helpers/helper_watch.h"
#include "squid-helpers/policy_command.h"
#include "squid-helpers/policy_request.h"
#include "squid-helpers/rule_files.h"

#define DEFAULT_FILE "/etc/squid/replica-policy.conf"

static const char usage_text[] =
    " [--file FILE]\n"
    "       replica-policy --check FILE\n"
    "       replica-policy --explain METHOD URL CLIENT [PORT] [--file FILE]\n"
    "       replica-policy --version | --help\n\n"
    "Squid's external_acl_type runs it with the format %>a %>rm %>ru %>lp, and with\n"
    "--concurrency if it says concurrency=N. FILE is by default " DEFAULT_FILE ".\n";

struct policy {
    struct helper *helper;
    struct rule_files *files;
    struct policy_request request;
};

static bool compile(void **compiled, const char *file, const struct rule_source *source,
                    apr_pool_t *pool, struct error *error)
{
    struct policy_rules *rules = NULL;
    bool is_parsed = policy_rules_parse(&rules, file, source, pool, error);

    *compiled = rules;
    return is_parsed;
}

static void refresh(void *baton)
{
    struct policy *policy = baton;
    struct error error;

    policy_request_set_time(&policy->request, time(NULL));
    if (!rule_files_refresh(policy->files, clock_now(), &error))
        helper_complain(policy->helper, "%s%s", error.message,
                        rule_files_compiled(policy->files) != NULL
                            ? " (the rules before stay in force)"
                            : "");
}

static void answer(void *baton, const struct helper_request *asked,
                   struct helper_reply *reply)
{
    struct policy *policy = baton;
    const struct policy_rules *rules = rule_files_compiled(policy->files);
    const struct policy_query *query = &policy->request.query;

    if (!policy_request_parse(&policy->request, asked->fields))
        helper_reply_broken(reply, asked, "the query is not CLIENT METHOD URL [PORT]");
    else if (rules == NULL)
        helper_reply_broken(reply, asked, "there are no rules that can be used");
    else
        policy_request_reply(
            reply, asked, query,
            policy_rules_effect(rules, policy_rules_decide(rules, query)));
}

/* Take "--file FILE" off the arguments. */
static const char *take_file(int *count, char **arguments)
{
    const char *file = DEFAULT_FILE;
    int kept = 1;

    for (int i = 1; i < *count; i++) {
        if (strcmp(arguments[i], "--file") == 0 && i + 1 < *count)
            file = arguments[++i];
        else
            arguments[kept++] = arguments[i];
    }
    *count = kept;
    return file;
}

int main(int count, char **arguments)
{
    static struct policy policy;
    struct helper helper = {.name = "replica-policy",
                            .start = refresh,
                            .refresh = refresh,
                            .answer = answer,
                            .baton = &policy};
    const char *file;
    apr_pool_t *pool;
    int code;

    if (!helper_options(&helper, &count, arguments, usage_text, &code))
        return code;
    file = take_file(&count, arguments);
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 2;
    if (count == 3 && strcmp(arguments[1], "--check") == 0)
        return policy_command_check(arguments[2], pool);
    if (count >= 3 && strcmp(arguments[1], "--explain") == 0)
        return policy_command_explain(file, count - 2, arguments + 2, pool);
    if (count > 1) {
        fprintf(stderr, "replica-policy: '%s' is not understood; see --help\n",
                arguments[1]);
        return 2;
    }
    policy.helper = &helper;
    policy.files = rule_files_create(file, compile, pool);
    return helper_run(&helper);
}
