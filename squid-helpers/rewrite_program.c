/* SPDX-License-Identifier: Apache-2.0 */
/* What makes a helper replica-rewrite: its lines say what URLs mean now. */
#include "squid-helpers/programs.h"

#include <stdio.h>
#include <string.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "libreplica/format/rewrite_rules.h"

#define DEFAULT_FILE "/etc/squid/replica-rewrite.conf"

static const char usage_text[] = " [--file FILE]\n"
                                 "       replica-rewrite --check FILE\n"
                                 "       replica-rewrite --explain URL [--file FILE]\n"
                                 "       replica-rewrite --version | --help\n\n"
                                 "Squid's url_rewrite_program runs it, with "
                                 "--concurrency if url_rewrite_children says\n"
                                 "concurrency=N. FILE is by default " DEFAULT_FILE ".\n";

static char buffer[5 * HELPER_LINE_SIZE_MAX + REWRITE_GROWTH_MAX];

static bool compile(void **compiled, const char *file, const struct rule_source *source,
                    apr_pool_t *pool, struct error *error)
{
    struct rewrite_rules *rules = NULL;
    bool is_parsed = rewrite_rules_parse(&rules, file, source, pool, error);

    *compiled = rules;
    return is_parsed;
}

static int count_rules(const void *rules)
{
    return rewrite_rules_count(rules);
}

/* "FILE:LINE" of each line that applied, without folders. */
static struct text places_of(const struct rewrite_outcome *outcome, char *places,
                             size_t size)
{
    size_t length = 0;

    for (int i = 0; i < outcome->line_count && length < size; i++) {
        const struct rewrite_line *line = outcome->lines[i];

        length +=
            (size_t)snprintf(places + length, size - length, "%s%s:%d", i > 0 ? "," : "",
                             apr_filepath_name_get(line->file), line->number);
    }
    return (struct text){places, length < size ? length : size - 1};
}

/* False: it has no room. */
static bool reply_changed(struct helper_reply *reply, const struct helper_request *asked,
                          const struct rewrite_outcome *outcome)
{
    char places[1024], status[12];

    helper_reply_begin(reply, asked, "OK");
    snprintf(status, sizeof(status), "%d", outcome->status);
    return (outcome->status == 0 ||
            helper_reply_pair(reply, "status", text_of(status))) &&
           helper_reply_pair(reply, outcome->status != 0 ? "url" : "rewrite-url",
                             outcome->url) &&
           helper_reply_pair(reply, "rewrite_",
                             places_of(outcome, places, sizeof(places)));
}

/* Whatever goes wrong, clients get what they asked for. */
static void answer(void *baton, const void *rules, const struct helper_request *asked,
                   struct helper_reply *reply)
{
    struct text url, fields = asked->fields;
    struct rewrite_outcome outcome;

    (void)baton;
    if (!helper_field_next(&url, &fields))
        helper_reply_broken(reply, asked, "the query does not begin with a URL");
    else if (rules == NULL || !rewrite_rules_apply(&outcome, rules, url, buffer) ||
             !reply_changed(reply, asked, &outcome))
        helper_reply_begin(reply, asked, "ERR");
}

static void print_outcome(const struct rewrite_outcome *outcome, bool is_brief,
                          apr_pool_t *pool)
{
    const char *url = text_for_people(outcome->url, HELPER_LINE_SIZE_MAX, pool);

    if (outcome->oddity != NULL)
        printf("unchanged: it has %s\n", outcome->oddity);
    else if (outcome->line_count == 0)
        printf("unchanged: no line is about its path, its repository or its host\n");
    else if (outcome->status != 0)
        printf("redirect %d %s\n", outcome->status, url);
    else
        printf("rewrite %s\n", url);
    for (int i = 0; i < outcome->line_count && !is_brief; i++) {
        const struct rewrite_line *line = outcome->lines[i];
        const char *port = line->port != 0 ? apr_psprintf(pool, ":%d", line->port) : "";

        printf("  %s:%d: %s %s%s %s\n", line->file, line->number,
               rewrite_part_name(line->part), text_for_people(line->before, 1024, pool),
               port, text_for_people(line->after, 1024, pool));
    }
}

/* Returns 0 if the URL becomes another one, 1 if not. */
static int explain(void *baton, const void *rules, int count, char **arguments,
                   bool is_brief, apr_pool_t *pool)
{
    struct rewrite_outcome outcome;
    bool is_changed;

    (void)baton;
    if (count != 1 || strlen(arguments[0]) > HELPER_LINE_SIZE_MAX) {
        fprintf(stderr, "--explain takes a URL\n");
        return 2;
    }
    is_changed = rewrite_rules_apply(&outcome, rules, text_of(arguments[0]), buffer);
    print_outcome(&outcome, is_brief, pool);
    return is_changed ? 0 : 1;
}

const struct rule_program rewrite_program = {.name = "replica-rewrite",
                                             .file = DEFAULT_FILE,
                                             .usage = usage_text,
                                             .compile = compile,
                                             .count = count_rules,
                                             .explain = explain,
                                             .answer = answer};
