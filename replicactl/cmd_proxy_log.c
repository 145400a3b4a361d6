/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl proxy-log: what Squid's logs say, in numbers. */
#include "replicactl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/human.h"
#include "libreplica/operate/proxy_summary.h"

/* Rows of a table, unless --top says more. */
#define ROWS_DEFAULT 20

struct arguments {
    bool is_json;
    int64_t rows;
};

static bool parse_arguments(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"top", required_argument, NULL, 't'}, {0}};
    int option;

    *arguments = (struct arguments){.rows = ROWS_DEFAULT};
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == 'j')
            arguments->is_json = true;
        else if (option != 't' || !text_parse_number(&arguments->rows, text_of(optarg)))
            return false;
    }
    return true;
}

static bool read_one(struct proxy_summary *summary, struct command_context *context,
                     const char *name, struct error *error)
{
    bool is_input = strcmp(name, "-") == 0;
    int descriptor = is_input ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    bool is_read;

    if (descriptor < 0)
        return error_set_errno(error, errno, "%s", name);
    is_read = proxy_summary_read(summary, descriptor, is_input ? "standard input" : name,
                                 &context->stop, error);
    if (!is_input)
        close(descriptor);
    return is_read;
}

static const char *percent(int64_t part, int64_t whole, apr_pool_t *pool)
{
    if (whole == 0)
        return "-";
    return apr_psprintf(pool, "%.1f %%", 100 * (double)part / (double)whole);
}

static void print_heading(const char *title, int width)
{
    printf("\n%-*s  %12s  %12s  %7s  %9s  %9s  %9s  %9s\n", width, title, "REQUESTS",
           "HITS", "RATIO", "BYTES", "FROM HITS", "DENIED", "FAILED");
}

static void print_count(const char *name, int width, const struct proxy_count *count,
                        apr_pool_t *pool)
{
    printf("%-*s  %12lld  %12lld  %7s  %9s  %9s  %9lld  %9lld\n", width, name,
           (long long)count->requests, (long long)count->hits,
           percent(count->hits, count->requests, pool), human_size(count->bytes, pool),
           human_size(count->hit_bytes, pool), (long long)count->denied,
           (long long)count->failed);
}

static void print_kinds(const struct proxy_summary *summary, apr_pool_t *pool)
{
    int width = (int)strlen("manifest");

    print_heading("KIND", width);
    for (int kind = 0; kind < POLICY_KIND_COUNT; kind++)
        if (summary->kinds[kind].requests > 0)
            print_count(policy_kind_name((enum policy_kind)kind), width,
                        &summary->kinds[kind], pool);
    print_count("all", width, &summary->all, pool);
}

static int width_of(const apr_array_header_t *list, int64_t rows, int least)
{
    int width = least;

    for (int i = 0; i < list->nelts && i < rows; i++) {
        int length =
            (int)strlen(APR_ARRAY_IDX(list, i, const struct proxy_named_count *)->name);

        width = length > width ? length : width;
    }
    return width;
}

static void add_count(struct proxy_count *sum, const struct proxy_count *count)
{
    sum->requests += count->requests;
    sum->hits += count->hits;
    sum->denied += count->denied;
    sum->failed += count->failed;
    sum->bytes += count->bytes;
    sum->hit_bytes += count->hit_bytes;
}

/* The most of them, then the rest together, then what has no name. */
static void print_names(const char *title, const struct proxy_names *names,
                        bool denied_first, int64_t rows, apr_pool_t *pool)
{
    const apr_array_header_t *list = proxy_names_list(names, denied_first, pool);
    struct proxy_count others = names->others;
    int width = width_of(list, rows, (int)strlen(title));

    if (list->nelts == 0)
        return;
    print_heading(title, width);
    for (int i = 0; i < list->nelts; i++) {
        const struct proxy_named_count *named =
            APR_ARRAY_IDX(list, i, const struct proxy_named_count *);

        if (i < rows)
            print_count(text_for_people(text_of(named->name), 1024, pool), width,
                        &named->count, pool);
        else
            add_count(&others, &named->count);
    }
    if (others.requests > 0)
        print_count("other", width, &others, pool);
    if (names->none.requests > 0)
        print_count("none", width, &names->none, pool);
}

static void print_summary(const struct proxy_summary *summary, int64_t rows,
                          apr_pool_t *pool)
{
    const struct proxy_count *all = &summary->all;

    printf("%lld requests", (long long)all->requests);
    if (*summary->first != '\0')
        printf(" from %s to %s", summary->first, summary->last);
    printf(": %s hits, %s, of which %s from hits\n",
           percent(all->hits, all->requests, pool), human_size(all->bytes, pool),
           percent(all->hit_bytes, all->bytes, pool));
    if (summary->shared > 0)
        printf("%lld requests shared a copy with other URLs (StoreID)\n",
               (long long)summary->shared);
    if (summary->rewritten > 0)
        printf("%lld requests were rewritten or redirected\n",
               (long long)summary->rewritten);
    if (summary->empty_connections > 0)
        printf("%lld connections ended without a request\n",
               (long long)summary->empty_connections);
    print_kinds(summary, pool);
    print_names("REPOSITORY", &summary->repositories, false, rows, pool);
    print_names("RULE", &summary->rules, true, rows, pool);
}

static int report(const struct proxy_summary *summary, const struct arguments *arguments,
                  apr_pool_t *pool)
{
    const char *json = "";

    if (arguments->is_json)
        json = proxy_summary_json(summary, pool);
    else
        print_summary(summary, arguments->rows, pool);
    if (json == NULL)
        return EXIT_FATAL;
    fputs(json, stdout);
    if (summary->bad_lines > 0)
        fprintf(stderr,
                "%lld of %lld lines are not what Squid logs, the first of them %s\n",
                (long long)summary->bad_lines, (long long)summary->lines,
                text_for_people(text_of(summary->first_bad), PROXY_BAD_LINE_SIZE, pool));
    return summary->bad_lines > 0 && summary->bad_lines == summary->lines ? EXIT_FATAL
                                                                          : EXIT_OK;
}

int cmd_proxy_log(struct command_context *context, int argc, char **argv)
{
    static char *standard_input[] = {"-"};
    struct proxy_summary *summary = proxy_summary_create(context->pool);
    struct arguments arguments;
    struct error error;
    char **names;
    int count;

    if (!parse_arguments(&arguments, argc, argv))
        return command_usage(context, "proxy-log",
                             "Command proxy-log takes --json, --top COUNT and files");
    names = optind < argc ? argv + optind : standard_input;
    count = optind < argc ? argc - optind : 1;
    for (int i = 0; i < count && !context->stop; i++)
        if (!read_one(summary, context, names[i], &error))
            return command_fail(context, &error);
    return report(summary, &arguments, context->pool);
}
