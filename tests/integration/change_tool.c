/* SPDX-License-Identifier: Apache-2.0 */
/* Change sets from standard input: a line for each change, words apart by tabs, bytes
 * that are none of words as %XX. Each is answered by a line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "libreplica/publish/changes.h"
#include "tests/integration/tool_options.h"

static const char usage[] =
    "change_tool apply FOLDER FQRN [option=value...]\n"
    "  as publish_tool; lines: put PATH FILE ATTRIBUTES, link PATH EXISTING,\n"
    "  mkdir PATH ATTRIBUTES, symlink PATH TARGET ATTRIBUTES, special PATH DEVICE\n"
    "  ATTRIBUTES, set PATH WHICH ATTRIBUTES, remove PATH, move FROM TO, lookup PATH,\n"
    "  list PATH, settle, commit, abandon; ATTRIBUTES: MODE UID GID MTIME XATTR\n";

#define WORDS_MAX 10

struct tool {
    struct publish_target target;
    int64_t now;
    struct changes *changes; /* NULL between a commit and the next change */
    char *word[WORDS_MAX];
    size_t length[WORDS_MAX];
    int words;
    apr_pool_t *pool;
};

static size_t unescape(char *word)
{
    char *to = word;

    for (const char *from = word; *from != '\0'; from++) {
        unsigned int byte = (unsigned char)*from;

        if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1)
            from += 2;
        *to++ = (char)byte;
    }
    *to = '\0';
    return (size_t)(to - word);
}

static void split(struct tool *tool, char *line)
{
    char *word;

    line[strcspn(line, "\n")] = '\0';
    for (tool->words = 0; tool->words < WORDS_MAX && line != NULL; tool->words++) {
        word = strsep(&line, "\t");
        tool->word[tool->words] = word;
        tool->length[tool->words] = unescape(word);
    }
    for (int i = tool->words; i < WORDS_MAX; i++) {
        tool->word[i] = "";
        tool->length[i] = 0;
    }
}

static struct change_attributes attributes(const struct tool *tool, int first)
{
    return (struct change_attributes){
        .mode = (unsigned int)strtoul(tool->word[first], NULL, 8),
        .uid = atoll(tool->word[first + 1]),
        .gid = atoll(tool->word[first + 2]),
        .mtime_seconds = atoll(tool->word[first + 3]),
        .xattr = {tool->word[first + 4], tool->length[first + 4]},
    };
}

static bool put(struct tool *tool, struct error *error)
{
    struct change_attributes given = attributes(tool, 3);
    int fd = open(tool->word[2], O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_set_errno(error, errno, "cannot open %s", tool->word[2]);
    return changes_put(tool->changes, tool->word[1], fd, &given, error);
}

static bool link_name(struct tool *tool, struct error *error)
{
    return changes_link(tool->changes, tool->word[1], tool->word[2], error);
}

static bool make_directory(struct tool *tool, struct error *error)
{
    struct change_attributes given = attributes(tool, 2);

    return changes_make_directory(tool->changes, tool->word[1], &given, error);
}

static bool make_symlink(struct tool *tool, struct error *error)
{
    struct change_attributes given = attributes(tool, 3);

    return changes_symlink(tool->changes, tool->word[1],
                           (struct text){tool->word[2], tool->length[2]}, &given, error);
}

static bool make_special(struct tool *tool, struct error *error)
{
    struct change_attributes given = attributes(tool, 3);

    return changes_special(tool->changes, tool->word[1], atoll(tool->word[2]), &given,
                           error);
}

static bool set(struct tool *tool, struct error *error)
{
    struct change_attributes given = attributes(tool, 3);

    return changes_set_attributes(tool->changes, tool->word[1],
                                  (unsigned int)atoi(tool->word[2]), &given, error);
}

static bool remove_path(struct tool *tool, struct error *error)
{
    return changes_remove(tool->changes, tool->word[1], error);
}

static bool move(struct tool *tool, struct error *error)
{
    return changes_move(tool->changes, tool->word[1], tool->word[2], error);
}

static bool say(void *baton, const struct catalog_entry *entry, struct error *error)
{
    printf("%o %lld %lld ", entry->mode, (long long)entry->size,
           (long long)(entry->hardlinks & 0xFFFFFFFF));
    for (size_t i = 0; i < entry->name.length; i++)
        printf("%02x", (unsigned char)entry->name.bytes[i]);
    printf(" ");
    return true;
}

static bool lookup(struct tool *tool, struct error *error)
{
    struct catalog_entry entry;
    bool found;

    return changes_lookup(tool->changes, &found, &entry, tool->word[1], error) &&
           (!found || say(NULL, &entry, error));
}

static bool list(struct tool *tool, struct error *error)
{
    return changes_list(tool->changes, tool->word[1], say, NULL, error);
}

static bool settle(struct tool *tool, struct error *error)
{
    return changes_settle(tool->changes, error);
}

static bool forget(struct tool *tool, struct error *error)
{
    changes_abandon(tool->changes);
    tool->changes = NULL;
    return true;
}

static bool commit(struct tool *tool, struct error *error)
{
    struct publish_result result;
    bool ok = changes_commit(&result, tool->changes, error);

    if (ok)
        printf("revision %lld entries %lld catalogs %lld stored %lld bytes %lld ",
               (long long)result.revision, (long long)result.entries,
               (long long)result.catalogs, (long long)result.catalogs_stored,
               (long long)result.bytes);
    forget(tool, NULL);
    return ok;
}

static const struct {
    const char *word;
    bool (*apply)(struct tool *tool, struct error *error);
} verbs[] = {
    {"put", put},
    {"link", link_name},
    {"mkdir", make_directory},
    {"symlink", make_symlink},
    {"special", make_special},
    {"set", set},
    {"remove", remove_path},
    {"move", move},
    {"lookup", lookup},
    {"list", list},
    {"settle", settle},
    {"commit", commit},
    {"abandon", forget},
};

static bool apply(struct tool *tool, struct error *error)
{
    apr_time_t now = apr_time_now();

    if (tool->now > 0)
        now = apr_time_from_sec(tool->now);
    if (tool->changes == NULL &&
        !changes_begin(&tool->changes, &tool->target, now, NULL, tool->pool, error))
        return false;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (strcmp(verbs[i].word, tool->word[0]) == 0)
            return verbs[i].apply(tool, error);
    return error_set(error, ERROR_USAGE, "what is '%s'?", tool->word[0]);
}

static void answer_all(struct tool *tool)
{
    struct error error;
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0) {
        split(tool, line);
        if (apply(tool, &error))
            puts("ok");
        else
            printf("error %s %s\n", error_code_name(error.code), error.message);
        fflush(stdout);
    }
    free(line);
}

int main(int argc, char **argv)
{
    struct tool tool = {.now = 0};
    struct error error;

    apr_initialize();
    atexit(apr_terminate);
    if (argc < 4 || strcmp(argv[1], "apply") != 0) {
        fputs(usage, stderr);
        return 2;
    }
    tool_show_log();
    apr_pool_create(&tool.pool, NULL);
    tool_number(&tool.now, argc, argv, "now");
    if (!tool_target(&tool.target, argc, argv, tool.pool, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    answer_all(&tool);
    apr_pool_destroy(tool.pool);
    return 0;
}
