/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a helper replica-store-id: its rules say what Squid keeps once for many
 * URLs. */
#include "squid-helpers/programs.h"

#include <stdio.h>

#include "libreplica/base/clock.h"
#include "squid-helpers/store_answer.h"
#include "squid-helpers/store_explain.h"

#define DEFAULT_FILE "/etc/squid/replica-store-id.conf"
#define EXTRAS       "%>a %>rm %{CF-Connecting-IP}>h %{X-Forwarded-For}>h"

static const char usage_text[] =
    " [--file FILE]\n"
    "       replica-store-id --check FILE\n"
    "       replica-store-id --explain URL [CLIENT] [--file FILE]\n"
    "       replica-store-id --version | --help\n\n"
    "Squid's store_id_program runs it with store_id_extras \"" EXTRAS "\",\n"
    "and with --concurrency if store_id_children says concurrency=N. FILE is by "
    "default\n" DEFAULT_FILE ".\n";

struct state {
    struct helper *helper;
    struct geo_origins *origins; /* NULL: not needed yet */
    bool has_complained;
    struct store_answer answer;
};

static bool compile(void **compiled, const char *file, const struct rule_source *source,
                    apr_pool_t *pool, struct error *error)
{
    struct store_rules *rules = NULL;
    bool is_parsed = store_rules_parse(&rules, file, source, pool, error);

    *compiled = rules;
    return is_parsed;
}

static int count_rules(const void *rules)
{
    return store_rules_count(rules) + (store_rules_geo(rules) != NULL);
}

/* Look whether there is another database; false: it cannot be used. */
static bool refresh_origins(struct state *state, const struct store_rules *rules,
                            struct error *error)
{
    const struct store_rule *geo = rules != NULL ? store_rules_geo(rules) : NULL;
    apr_pool_t *pool;

    if (geo == NULL)
        return true;
    if (state->origins == NULL) {
        if (apr_pool_create(&pool, NULL) != APR_SUCCESS)
            return error_set(error, ERROR_IO, "no memory for a database");
        state->origins = geo_origins_create(pool);
    }
    return geo_origins_refresh(state->origins, geo->databases, clock_now(), error);
}

static void refresh(void *baton, const void *rules, struct helper *helper)
{
    struct state *state = baton;
    struct error error;

    state->helper = helper;
    if (!refresh_origins(state, rules, &error))
        helper_complain(helper, "%s (clients are told apart by their addresses)",
                        error.message);
}

static void complain_once(struct state *state)
{
    if (!state->has_complained)
        helper_complain(state->helper,
                        "the geo line needs store_id_extras \"%s\" in squid.conf",
                        EXTRAS);
    state->has_complained = true;
}

/* Without rules every URL is its own key, which harms nobody. */
static void answer(void *baton, const void *rules, const struct helper_request *asked,
                   struct helper_reply *reply)
{
    struct state *state = baton;
    struct store_answer *found = &state->answer;
    struct store_query query;

    if (!store_query_parse(&query, asked->fields)) {
        helper_reply_broken(reply, asked,
                            "the query is not URL CLIENT METHOD: see store_id_extras");
        return;
    }
    found->key.length = 0;
    if (rules != NULL)
        store_answer_find(found, rules, state->origins, &query);
    if (rules != NULL && found->is_incomplete)
        complain_once(state);
    helper_reply_begin(reply, asked, found->key.length > 0 ? "OK" : "ERR");
    if (found->key.length > 0) {
        helper_reply_pair(reply, "store-id", found->key);
        helper_reply_pair(reply, "store_id_", found->key);
    }
}

static int explain(void *baton, const void *rules, int count, char **arguments,
                   bool is_brief, apr_pool_t *pool)
{
    struct state *state = baton;
    struct error error;

    (void)pool;
    if (!refresh_origins(state, rules, &error))
        fprintf(stderr, "%s\n", error.message);
    return store_explain(&state->answer, rules, state->origins, count, arguments,
                         is_brief);
}

static struct state state;

const struct rule_program store_program = {.name = "replica-store-id",
                                           .file = DEFAULT_FILE,
                                           .usage = usage_text,
                                           .compile = compile,
                                           .count = count_rules,
                                           .explain = explain,
                                           .refresh = refresh,
                                           .answer = answer,
                                           .baton = &state};
