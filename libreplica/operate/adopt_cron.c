/* SPDX-License-Identifier: Apache-2.0 */
/* Cron lines that run the reference's snapshots: put out of action, and back. */
#include "libreplica/operate/adopt_internal.h"

#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define MARK       "#replica-adopted# "
#define SEPARATORS " \t()|&;<>$\"'`="
#define SHOWN_MAX  120

enum line_kind { LINE_OTHER, LINE_UPKEEP, LINE_SNAPSHOT };

static struct text last_part(struct text word)
{
    while (word.length > 0) {
        const char *slash = memchr(word.bytes, '/', word.length);

        if (slash == NULL)
            break;
        word.length -= (size_t)(slash + 1 - word.bytes);
        word.bytes = slash + 1;
    }
    return word;
}

/* The next word of a command line, without looking into it as a shell would. */
static bool next_word(struct text *rest, struct text *word)
{
    size_t length = 0;

    while (rest->length > 0 && strchr(SEPARATORS, *rest->bytes) != NULL) {
        rest->bytes++;
        rest->length--;
    }
    while (length < rest->length && strchr(SEPARATORS, rest->bytes[length]) == NULL)
        length++;
    *word = (struct text){rest->bytes, length};
    rest->bytes += length;
    rest->length -= length;
    return length > 0;
}

/* cvmfs_server_snapshot_all, cvmfs-snapshot.sh and the like, as packages and playbooks
 * install them. */
static bool is_wrapper(struct text name)
{
    char text[64];
    char *dot;

    if (name.length >= sizeof(text) || !text_starts(name, "cvmfs"))
        return false;
    memcpy(text, name.bytes, name.length);
    text[name.length] = '\0';
    dot = strchr(text, '.');
    return strstr(text, "snapshot") != NULL && (dot == NULL || strcmp(dot, ".sh") == 0);
}

static enum line_kind kind_of(struct text line)
{
    enum line_kind kind = LINE_OTHER;
    bool after_tool = false;
    struct text word;

    if (text_starts(line, "#"))
        return LINE_OTHER;
    while (next_word(&line, &word)) {
        struct text name = last_part(word);

        if (text_starts(word, "#"))
            break;
        if ((after_tool && text_equals(word, "snapshot")) || is_wrapper(name))
            return LINE_SNAPSHOT;
        after_tool = text_equals(name, "cvmfs_server");
        if (after_tool)
            kind = LINE_UPKEEP;
    }
    return kind;
}

/* Also a last line without LF. */
static bool next_line(struct text *rest, struct text *line)
{
    const char *end;

    if (rest->length == 0)
        return false;
    end = memchr(rest->bytes, '\n', rest->length);
    line->bytes = rest->bytes;
    line->length = end != NULL ? (size_t)(end - rest->bytes) : rest->length;
    rest->bytes += line->length + (end != NULL);
    rest->length -= line->length + (end != NULL);
    return true;
}

static struct text without_blanks(struct text line)
{
    while (line.length > 0 && (*line.bytes == ' ' || *line.bytes == '\t')) {
        line.bytes++;
        line.length--;
    }
    return line;
}

static bool is_regular(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool plan_file(struct adopt_plan *plan, const char *path, struct error *error)
{
    struct text rest, line;
    bool any = false;

    if (!is_regular(path))
        return true;
    if (!file_read(&rest, path, ADOPT_FILE_SIZE_MAX, plan->pool, error)) {
        if (plan->is_check)
            adopt_note(plan, "%s", error->message);
        return plan->is_check;
    }
    for (int number = 1; next_line(&rest, &line); number++) {
        enum line_kind kind = kind_of(without_blanks(line));

        if (kind == LINE_SNAPSHOT) {
            any = true;
            adopt_change(plan, "%s:%d: no longer run: %s", path, number,
                         text_for_people(line, SHOWN_MAX, plan->pool));
        } else if (kind == LINE_UPKEEP)
            adopt_note(plan, "%s:%d: goes on as it is: %s", path, number,
                       text_for_people(line, SHOWN_MAX, plan->pool));
    }
    if (any)
        adopt_add_step(plan, (struct adopt_step){.kind = ADOPT_CRON, .path = path});
    return true;
}

static bool plan_folder(struct adopt_plan *plan, const char *folder, struct error *error)
{
    apr_array_header_t *names = adopt_entries(folder, plan->pool);

    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);

        if (*name != '.' &&
            !plan_file(plan, apr_pstrcat(plan->pool, folder, "/", name, NULL), error))
            return false;
    }
    return true;
}

/* Scripts, not lines: what else they do nobody knows. */
static void note_scripts(struct adopt_plan *plan, const char *folder)
{
    apr_array_header_t *names = adopt_entries(folder, plan->pool);

    for (int i = 0; i < names->nelts; i++) {
        const char *path = apr_pstrcat(plan->pool, folder, "/",
                                       APR_ARRAY_IDX(names, i, const char *), NULL);
        struct text rest, line;

        if (!is_regular(path) ||
            !file_read(&rest, path, ADOPT_FILE_SIZE_MAX, plan->pool, NULL))
            continue;
        for (int number = 1; next_line(&rest, &line); number++)
            if (kind_of(without_blanks(line)) == LINE_SNAPSHOT)
                adopt_note(plan,
                           "%s:%d: a script that runs snapshots: take that out of it",
                           path, number);
    }
}

/* cvmfs-snapshot.timer of cvmfs-stratum1-replicator, and others. */
static void note_timers(struct adopt_plan *plan, const char *folder)
{
    apr_array_header_t *names = adopt_entries(folder, plan->pool);

    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        const char *end = strrchr(name, '.');

        if (end != NULL && strcmp(end, ".timer") == 0 && strstr(name, "cvmfs") != NULL &&
            (strstr(name, "snapshot") != NULL || strstr(name, "replicat") != NULL))
            adopt_note(plan, "%s/%s: may run snapshots: systemctl disable --now %s",
                       folder, name, name);
    }
}

bool adopt_cron_plan(struct adopt_plan *plan, struct error *error)
{
    static const char *const scripts[] = {"/etc/cron.hourly", "/etc/cron.daily",
                                          "/etc/cron.weekly", "/etc/cron.monthly"};
    static const char *const timers[] = {"/etc/systemd/system", "/usr/lib/systemd/system",
                                         "/usr/local/lib/systemd/system"};
    const char *root = plan->options->root;
    apr_pool_t *pool = plan->pool;

    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
        note_scripts(plan, apr_pstrcat(pool, root, scripts[i], NULL));
    for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++)
        note_timers(plan, apr_pstrcat(pool, root, timers[i], NULL));
    return plan_file(plan, apr_pstrcat(pool, root, "/etc/crontab", NULL), error) &&
           plan_folder(plan, apr_pstrcat(pool, root, "/etc/cron.d", NULL), error) &&
           plan_folder(plan, apr_pstrcat(pool, root, "/var/spool/cron", NULL), error) &&
           plan_folder(plan, apr_pstrcat(pool, root, "/var/spool/cron/crontabs", NULL),
                       error);
}

static void append(struct text *to, char *bytes, struct text part)
{
    memcpy(bytes + to->length, part.bytes, part.length);
    to->length += part.length;
}

/* The text with marks put before the lines that run snapshots, or taken away again. */
static struct text marked(struct text rest, bool marks, apr_pool_t *pool)
{
    /* A line that runs snapshots is so long that its mark does not triple it. */
    char *bytes = apr_palloc(pool, 3 * rest.length + sizeof(MARK));
    const char *end = rest.bytes + rest.length;
    struct text result = {bytes, 0}, line;

    while (next_line(&rest, &line)) {
        if (marks && kind_of(without_blanks(line)) == LINE_SNAPSHOT) {
            append(&result, bytes, text_of(MARK));
        } else if (!marks && text_starts(line, MARK)) {
            line.bytes += strlen(MARK);
            line.length -= strlen(MARK);
        }
        append(&result, bytes, line);
        if (line.bytes + line.length < end)
            append(&result, bytes, text_of("\n"));
    }
    return result;
}

/* *changed false: there was nothing to mark. */
static bool edit(bool *changed, const char *path, bool marks, apr_pool_t *pool,
                 struct error *error)
{
    struct text before, after;

    *changed = false;
    if (!file_read(&before, path, ADOPT_FILE_SIZE_MAX, pool, error))
        return error->code == ERROR_NOT_FOUND;
    after = marked(before, marks, pool);
    *changed = after.length != before.length;
    return !*changed || adopt_replace(path, after, pool, error);
}

bool adopt_cron_apply(bool *kept, const struct adopt_step *step,
                      const struct adopt_options *options, apr_pool_t *pool,
                      struct error *error)
{
    bool changed;

    return edit(&changed, step->path, true, pool, error);
}

bool adopt_cron_undo(bool *kept, const struct adopt_step *step,
                     const struct adopt_options *options, apr_pool_t *pool,
                     struct error *error)
{
    bool changed;

    adopt_remove_temporary(step->path, pool);
    if (!edit(&changed, step->path, false, pool, error))
        return false;
    if (!changed)
        adopt_say(options, pool, "%s: no line is marked any more, so it stays as it is",
                  step->path);
    return true;
}
