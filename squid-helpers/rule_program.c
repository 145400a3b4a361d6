/* SPDX-License-Identifier: Apache-2.0 */
/* A helper that answers by a file of rules. */
#include "squid-helpers/rule_program.h"

#include <stdio.h>
#include <string.h>
#include <apr_general.h>

#include "libreplica/base/clock.h"
#include "squid-helpers/helper_watch.h"

/* More than any program takes, so that one too many is noticed. */
#define WORDS_MAX 5

struct running {
    const struct rule_program *program;
    struct helper *helper;
    struct rule_files *files;
};

static void refresh(void *baton)
{
    struct running *running = baton;
    const struct rule_program *program = running->program;
    struct error error;

    if (!rule_files_refresh(running->files, clock_now(), &error))
        helper_complain(running->helper, "%s%s", error.message,
                        rule_files_compiled(running->files) != NULL
                            ? " (the rules before stay in force)"
                            : "");
    if (program->refresh != NULL)
        program->refresh(program->baton, rule_files_compiled(running->files),
                         running->helper);
}

static void answer(void *baton, const struct helper_request *asked,
                   struct helper_reply *reply)
{
    struct running *running = baton;

    running->program->answer(running->program->baton, rule_files_compiled(running->files),
                             asked, reply);
}

static const void *read_rules(const struct rule_program *program, const char *file,
                              apr_pool_t *pool)
{
    struct rule_files *files = rule_files_create(file, program->compile, pool);
    struct error error;

    if (rule_files_refresh(files, clock_now(), &error))
        return rule_files_compiled(files);
    fprintf(stderr, "%s\n", error.message);
    return NULL;
}

static int check(const struct rule_program *program, const char *file, apr_pool_t *pool)
{
    const void *rules = read_rules(program, file, pool);

    if (rules == NULL)
        return 1;
    printf("%s: %d rules\n", file, program->count(rules));
    return 0;
}

/* Arguments from standard input, a line for each time. */
static int explain_lines(const struct rule_program *program, const void *rules,
                         apr_pool_t *pool)
{
    static char line[HELPER_LINE_SIZE_MAX];
    int code = 0;

    while (code != 2 && fgets(line, sizeof(line), stdin) != NULL) {
        char *words[WORDS_MAX], *rest = line;
        int count = 0;

        while (count < WORDS_MAX && (words[count] = strtok_r(rest, " \n", &rest)) != NULL)
            count++;
        code = program->explain(program->baton, rules, count, words, true, pool);
        apr_pool_clear(pool);
    }
    return code == 2 ? 2 : 0;
}

static int explain(const struct rule_program *program, const char *file, int count,
                   char **arguments, apr_pool_t *pool)
{
    const void *rules = read_rules(program, file, pool);
    apr_pool_t *scratch;

    if (rules == NULL || apr_pool_create(&scratch, pool) != APR_SUCCESS)
        return 2;
    if (count == 1 && strcmp(arguments[0], "-") == 0)
        return explain_lines(program, rules, scratch);
    return program->explain(program->baton, rules, count, arguments, false, scratch);
}

/* Take "--file FILE" off the arguments. */
static const char *take_file(const char *file, int *count, char **arguments)
{
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

int rule_program_run(const struct rule_program *program, int count, char **arguments)
{
    static struct running running;
    struct helper helper = {.name = program->name,
                            .start = refresh,
                            .refresh = refresh,
                            .answer = answer,
                            .baton = &running};
    const char *file;
    apr_pool_t *pool;
    int code;

    if (!helper_options(&helper, &count, arguments, program->usage, &code))
        return code;
    file = take_file(program->file, &count, arguments);
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 2;
    if (count == 3 && strcmp(arguments[1], "--check") == 0)
        return check(program, arguments[2], pool);
    if (count >= 3 && strcmp(arguments[1], "--explain") == 0)
        return explain(program, file, count - 2, arguments + 2, pool);
    if (count > 1) {
        fprintf(stderr, "%s: '%s' is not understood; see --help\n", program->name,
                arguments[1]);
        return 2;
    }
    running = (struct running){program, &helper,
                               rule_files_create(file, program->compile, pool)};
    return helper_run(&helper);
}
