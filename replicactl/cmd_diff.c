/* SPDX-License-Identifier: Apache-2.0 */
/* replicactl diff: what differs between two revisions. */
#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <apr_strings.h>

#include "libreplica/base/date.h"
#include "libreplica/operate/revision_diff.h"
#include "replicactl/reading.h"

struct diff_arguments {
    const char *from;
    const char *to;
    bool for_machines;
    bool shows_header;
    bool ignores_times;
};

/* The reference's letters and words, but for the owner, of which it says nothing. */
static const struct {
    unsigned int difference;
    char letter;
    const char *word;
} words[] = {
    {DIFFERS_LINK_COUNT, 'I', "link-count"},
    {DIFFERS_SIZE, 'S', "size"},
    {DIFFERS_MODE, 'M', "mode"},
    {DIFFERS_OWNER, 'O', "owner"},
    {DIFFERS_TIME, 'T', "timestamp"},
    {DIFFERS_SYMLINK, 'L', "symlink-target"},
    {DIFFERS_CONTENT, 'C', "content"},
    {DIFFERS_HARDLINK_GROUP, 'G', "hardlink-group"},
    {DIFFERS_NESTED, 'N', "nested-catalog"},
    {DIFFERS_CHUNKED, 'P', "chunked-file"},
    {DIFFERS_XATTRS, 'X', "xattrs"},
    {DIFFERS_EXTERNAL, 'E', "external-file"},
    {DIFFERS_BIND_MOUNTPOINT, 'B', "bind-mountpoint"},
    {DIFFERS_HIDDEN, 'H', "hidden"},
    {DIFFERS_DIRECT_IO, 'D', "direct-io"},
};

static void print_differences(unsigned int differences, bool for_machines)
{
    const char *separator = "";

    fputs(for_machines ? "[" : " [", stdout);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!(differences & words[i].difference))
            continue;
        if (for_machines)
            putchar(words[i].letter);
        else
            printf("%s%s", separator, words[i].word);
        separator = ", ";
    }
    putchar(']');
}

static const char *type_of(const struct catalog_entry *entry, bool for_machines)
{
    if (entry->flags & CATALOG_DIRECTORY)
        return for_machines ? "D" : "directory";
    if (entry->flags & CATALOG_SYMLINK)
        return for_machines ? "S" : "symlink";
    if (entry->flags & CATALOG_SPECIAL)
        return for_machines ? "U" : "unknown";
    return for_machines ? "F" : "file";
}

/* Added or removed. */
static void print_whole(const char *path, const struct catalog_entry *entry, bool is_new,
                        bool for_machines)
{
    const char *type = type_of(entry, for_machines);
    char sign = is_new ? '+' : '-';

    if (!for_machines) {
        reading_print_path(path);
        printf(" %s %s %c%" PRId64 " bytes\n", is_new ? "add" : "remove", type, sign,
               entry->size);
        return;
    }
    printf("%c %s ", is_new ? 'A' : 'R', type);
    reading_print_path(path);
    if (!(entry->flags & CATALOG_DIRECTORY))
        printf(" %c%" PRId64, sign, entry->size);
    putchar('\n');
}

static void print_change(const char *path, const struct catalog_entry *from,
                         const struct catalog_entry *to, unsigned int differences,
                         bool for_machines)
{
    const char *old_type = type_of(from, for_machines);
    const char *new_type = type_of(to, for_machines);
    bool is_other = strcmp(old_type, new_type) != 0;

    if (for_machines) {
        putchar('M');
        print_differences(differences, true);
        printf(" %s%s ", old_type, is_other ? new_type : "");
        reading_print_path(path);
    } else {
        reading_print_path(path);
        printf(" modify %s%s%s", old_type, is_other ? "->" : "",
               is_other ? new_type : "");
        print_differences(differences, false);
    }
    putchar('\n');
}

static bool print(void *baton, const char *path, const struct catalog_entry *from,
                  const struct catalog_entry *to, unsigned int differences,
                  struct error *error)
{
    const struct diff_arguments *arguments = baton;

    if (arguments->ignores_times)
        differences &= ~(unsigned int)DIFFERS_TIME;
    assert(from != NULL || to != NULL);
    if (from == NULL)
        print_whole(path, to, true, arguments->for_machines);
    else if (to == NULL)
        print_whole(path, from, false, arguments->for_machines);
    else if (differences != 0)
        print_change(path, from, to, differences, arguments->for_machines);
    if (!ferror(stdout))
        return true;
    return error_set(error, ERROR_IO, "cannot write the output");
}

static void print_header(const struct diff_arguments *arguments, const struct tag *from,
                         const struct tag *to)
{
    char old_date[DATE_UTC_SIZE], new_date[DATE_UTC_SIZE];

    if (!arguments->shows_header)
        return;
    if (arguments->for_machines) {
        puts("# line descriptor: A - add, R - remove, M - modify, S - statistics; modify "
             "flags: S - size, M - mode, T - timestamp, C - content, L - symlink target; "
             "entry types: F - regular file, S - symbolic link, D - directory, N - "
             "nested catalog");
        return;
    }
    date_format_utc(old_date, apr_time_from_sec(from->timestamp_seconds));
    date_format_utc(new_date, apr_time_from_sec(to->timestamp_seconds));
    printf("DELTA: %s/r%" PRId64 " (%s) --> %s/r%" PRId64 " (%s)\n", from->name,
           from->revision, old_date, to->name, to->revision, new_date);
}

static void print_counts(const struct revision_counts *more, bool for_machines)
{
    const struct {
        const char *letter, *words;
        int64_t count;
    } rows[] = {
        {"F", "# regular files", more->regular},
        {"S", "# symlinks", more->symlink},
        {"D", "# directories", more->directory},
        {"N", "# catalogs", more->nested},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (for_machines)
            printf("S %s %" PRId64 "\n", rows[i].letter, rows[i].count);
        else
            printf("d(%s): %" PRId64 "\n", rows[i].words, rows[i].count);
    }
}

static int compare(struct command_context *context, const struct repository *repository,
                   void *baton)
{
    struct diff_arguments *arguments = baton;
    struct revision_diff_options options = {
        .max_catalog_bytes =
            settings_number(repository->settings, SETTING_MAX_CATALOG_BYTES),
        .stop = &context->stop,
        .visit = print,
        .baton = arguments,
    };
    struct revision_counts more;
    struct tag from, to;
    struct store *store;
    struct error error;

    if (!repository_open_store(&store, repository, context->pool, &error) ||
        !revision_find(&from, store, repository, arguments->from, context->pool,
                       &error) ||
        !revision_find(&to, store, repository, arguments->to, context->pool, &error))
        return command_fail(context, &error);
    options.from = &from.catalog;
    options.to = &to.catalog;
    print_header(arguments, &from, &to);
    if (!revision_diff_counts(&more, store, &options, context->pool, &error))
        return command_fail(context, &error);
    print_counts(&more, arguments->for_machines);
    if (!revision_diff(store, &options, context->pool, &error))
        return command_fail(context, &error);
    return EXIT_OK;
}

static const char *take_option(struct diff_arguments *arguments, int option)
{
    switch (option) {
    case 'm':
        arguments->for_machines = true;
        return NULL;
    case 'h':
        arguments->shows_header = true;
        return NULL;
    case 'i':
        arguments->ignores_times = true;
        return NULL;
    case 's':
        arguments->from = optarg;
        return NULL;
    case 'd':
        arguments->to = optarg;
        return NULL;
    case 'k':
        return NULL; /* what lies in our own store was verified on its way in */
    case 'w':
        return "Command diff: there are no transactions here, so there is no open one to "
               "look into (-w)";
    default:
        return "Command diff: Unrecognized option";
    }
}

int cmd_diff(struct command_context *context, int argc, char **argv)
{
    static const struct option long_options[] = {
        {"keychain", required_argument, NULL, 'k'},
        {"machine-readable", no_argument, NULL, 'm'},
        {"from", required_argument, NULL, 's'},
        {"to", required_argument, NULL, 'd'},
        {"worktree", no_argument, NULL, 'w'},
        {"header", no_argument, NULL, 'h'},
        {"ignore-timediff", no_argument, NULL, 'i'},
        {0}};
    struct diff_arguments arguments = {.from = "trunk-previous", .to = "trunk"};
    int option;

    while ((option = getopt_long(argc, argv, "+k:ms:d:whi", long_options, NULL)) != -1) {
        const char *problem = take_option(&arguments, option);

        if (problem != NULL)
            return command_usage(context, "diff", "%s", problem);
    }
    return reading_run(context, argc - optind, argv + optind, compare, &arguments);
}
