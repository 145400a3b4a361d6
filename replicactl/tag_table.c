/* SPDX-License-Identifier: Apache-2.0 */
/* Tags on standard output. */
#include "replicactl/tag_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define COLUMNS   5
#define TIME_SIZE 64

static const char *const titles[COLUMNS] = {"Name", "Revision", "Timestamp", "Branch",
                                            "Description"};

static void format_time(char text[TIME_SIZE], int64_t seconds)
{
    time_t when = (time_t)seconds;
    struct tm t;

    gmtime_r(&when, &t);
    strftime(text, TIME_SIZE, "%d %b %Y %H:%M:%S", &t);
}

static void print_line(const struct tag *tag)
{
    char hash[HASH_TEXT_SIZE];

    hash_format(hash, &tag->catalog);
    printf("%s %s %" PRId64 " %" PRId64 " %" PRId64 " %s %s\n", tag->name, hash,
           tag->catalog_size, tag->revision, tag->timestamp_seconds,
           *tag->branch == '\0' ? "(default)" : tag->branch, tag->description);
}

static int longest(int length, const char *text)
{
    return (int)strlen(text) > length ? (int)strlen(text) : length;
}

static void measure(int widths[COLUMNS], const apr_array_header_t *tags)
{
    char text[TIME_SIZE];

    for (int i = 0; i < COLUMNS; i++)
        widths[i] = (int)strlen(titles[i]);
    for (int i = 0; i < tags->nelts; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(tags, i, struct tag);

        widths[0] = longest(widths[0], tag->name);
        snprintf(text, sizeof(text), "%" PRId64, tag->revision);
        widths[1] = longest(widths[1], text);
        format_time(text, tag->timestamp_seconds);
        widths[2] = longest(widths[2], text);
        widths[3] = longest(widths[3], tag->branch);
    }
}

static void print_rule(const int widths[COLUMNS], const char *crossing)
{
    for (int column = 0; column < COLUMNS; column++) {
        int length = widths[column] + (column == COLUMNS - 1 ? 1 : 0);

        if (column > 0)
            printf("─%s─", crossing);
        for (int i = 0; i < length; i++)
            printf("─");
    }
    printf("\n");
}

static void print_table(const apr_array_header_t *tags)
{
    int widths[COLUMNS];
    char text[TIME_SIZE];

    measure(widths, tags);
    printf("%-*s │ %-*s │ %-*s │ %-*s │ %s\n", widths[0], titles[0], widths[1], titles[1],
           widths[2], titles[2], widths[3], titles[3], titles[4]);
    print_rule(widths, "┼");
    for (int i = tags->nelts - 1; i >= 0; i--) {
        const struct tag *tag = &APR_ARRAY_IDX(tags, i, struct tag);

        format_time(text, tag->timestamp_seconds);
        printf("%-*s │ %*" PRId64 " │ %-*s │ %-*s │ %s\n", widths[0], tag->name,
               widths[1], tag->revision, widths[2], text, widths[3], tag->branch,
               tag->description);
    }
    print_rule(widths, "┴");
    printf("listing contains %d tags\n", tags->nelts);
}

void tag_table_list(const apr_array_header_t *tags, bool for_machines)
{
    if (!for_machines) {
        print_table(tags);
        return;
    }
    for (int i = 0; i < tags->nelts; i++)
        print_line(&APR_ARRAY_IDX(tags, i, struct tag));
}

static void print_branch(const char *name, int64_t revision, int level, bool for_machines)
{
    if (for_machines)
        printf("[%d] %*s%s @%" PRId64 "\n", level, level, "", name, revision);
    else {
        for (int i = 1; i <= level; i++)
            printf("%s", i == level ? "├ " : "│ ");
        printf("%s @%" PRId64 "\n", name, revision);
    }
}

/* LEVEL grows by a branch each time, so a circle of branches ends. */
static void print_below(const apr_array_header_t *branches, const char *parent, int level,
                        bool for_machines)
{
    for (int i = 0; i < branches->nelts && level <= branches->nelts; i++) {
        const struct branch *branch = &APR_ARRAY_IDX(branches, i, struct branch);

        if (branch->parent == NULL || strcmp(branch->parent, parent) != 0)
            continue;
        print_branch(branch->name, branch->initial_revision, level, for_machines);
        print_below(branches, branch->name, level + 1, for_machines);
    }
}

void tag_table_branches(const apr_array_header_t *branches, bool for_machines)
{
    print_branch("(default)", 0, 0, for_machines);
    print_below(branches, "", 1, for_machines);
}

static void print_size(int64_t size)
{
    static const char *const units[] = {"Byte", "kiB", "MiB", "GiB"};
    double value = (double)size;
    int unit = 0;

    for (; value > 1024 && unit < 3; unit++)
        value /= 1024;
    if (unit == 0)
        printf("Catalog Size: %" PRId64 " Byte\n", size);
    else
        printf("Catalog Size: %.3f %s\n", value, units[unit]);
}

void tag_table_show(const struct tag *tag, bool for_machines)
{
    char hash[HASH_TEXT_SIZE], when[TIME_SIZE];

    if (for_machines) {
        print_line(tag);
        return;
    }
    hash_format(hash, &tag->catalog);
    format_time(when, tag->timestamp_seconds);
    printf("Name:         %s\n"
           "Revision:     %" PRId64 "\n"
           "Timestamp:    %s\n"
           "Branch:       %s\n"
           "Root Hash:    %s\n",
           tag->name, tag->revision, when, tag->branch, hash);
    print_size(tag->catalog_size);
    printf("%s\n", tag->description);
}
