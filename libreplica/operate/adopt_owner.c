/* SPDX-License-Identifier: Apache-2.0 */
/* Giving trees to another user, as root, while their present owner may be hostile. */
#include "libreplica/operate/adopt_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/human.h"
#include "libreplica/operate/tree_owner.h"

#define OWNERS_MAX 16

/* What belongs to one user. */
struct share {
    unsigned int uid;
    int64_t files;
    int64_t folders;
    int64_t bytes;
};

struct survey {
    const struct adopt_options *options;
    struct adopt_step *step;
    struct share shares[OWNERS_MAX];
    int count;
    int64_t left; /* files that stay whose they are */
    const char *example;
    const char *mount; /* another file system in the tree */
    FILE *list;
    apr_pool_t *pool;
};

/* More owners than there is room for are counted with the last one. */
static struct share *share_of(struct survey *survey, unsigned int uid)
{
    int i = 0;

    while (i < survey->count && survey->shares[i].uid != uid)
        i++;
    if (i == OWNERS_MAX)
        return &survey->shares[OWNERS_MAX - 1];
    if (i == survey->count)
        survey->shares[survey->count++] = (struct share){.uid = uid};
    return &survey->shares[i];
}

static void note_left(struct survey *survey, const char *path)
{
    if (survey->left++ == 0)
        survey->example = apr_pstrdup(survey->pool, path);
}

static bool write_line(FILE *list, unsigned int uid, const char *path)
{
    fprintf(list, "%u ", uid);
    for (; *path != '\0'; path++)
        if (*path == '\n')
            fputs("\\n", list);
        else if (*path == '\\')
            fputs("\\\\", list);
        else
            putc(*path, list);
    return putc('\n', list) != EOF;
}

static bool survey_entry(void *baton, const struct walk_entry *entry, struct error *error)
{
    struct survey *survey = baton;
    const struct stat *status = &entry->status;
    struct share *share;

    if (!adopt_goes_on(survey->options, error))
        return false;
    if (entry->is_mount) {
        survey->mount = apr_pstrdup(survey->pool, entry->path);
        return true;
    }
    if (status->st_uid != survey->step->uid_after &&
        !tree_owner_may_change(status, survey->step->uid_after)) {
        if (!S_ISLNK(status->st_mode))
            note_left(survey, entry->path);
        return true;
    }
    if (status->st_uid != survey->step->uid_after) {
        share = share_of(survey, status->st_uid);
        *(S_ISDIR(status->st_mode) ? &share->folders : &share->files) += 1;
        share->bytes += S_ISREG(status->st_mode) ? status->st_size : 0;
    }
    return survey->list == NULL || status->st_uid == survey->step->uid_before ||
           !tree_owner_may_change(status, TREE_OWNER_ANYBODY) ||
           write_line(survey->list, status->st_uid, entry->path) ||
           error_set_errno(error, errno, "cannot write %s", survey->step->list);
}

static const char *grouped(int64_t number, apr_pool_t *pool)
{
    if (number < 1000)
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)number);
    return apr_psprintf(pool, "%s,%03d", grouped(number / 1000, pool),
                        (int)(number % 1000));
}

/* "1 file", "1,234 files". */
static const char *counted(int64_t number, const char *noun, apr_pool_t *pool)
{
    return apr_pstrcat(pool, grouped(number, pool), " ", noun, number == 1 ? "" : "s",
                       NULL);
}

static void say_shares(struct adopt_plan *plan, const struct survey *survey)
{
    const struct adopt_step *step = survey->step;
    apr_pool_t *pool = plan->pool;

    for (int i = 0; i < survey->count; i++) {
        const struct share *share = &survey->shares[i];
        const char *what =
            step->is_shallow
                ? "the folder alone"
                : apr_psprintf(pool, "%s and %s", counted(share->files, "file", pool),
                               counted(share->folders, "folder", pool));

        adopt_change(plan, "%s: %s of %s, %s, given to %s", step->path, what,
                     adopt_user_name(share->uid, pool), human_size(share->bytes, pool),
                     plan->options->user);
    }
    if (survey->mount != NULL)
        adopt_note(plan, "%s: another file system is mounted at %s: it is not touched",
                   step->path, survey->mount);
    if (survey->left > 0)
        adopt_note(plan,
                   "%s: %s of which the owner stays, with several names or of a special "
                   "kind: %s",
                   step->path, counted(survey->left, "file", pool),
                   text_for_people(text_of(survey->example), 100, plan->pool));
}

static bool open_list(FILE **list, const char *path, struct error *error)
{
    int fd;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    *list = fd >= 0 ? fdopen(fd, "w") : NULL;
    return *list != NULL || error_set_errno(error, errno, "cannot create %s", path);
}

static bool close_list(FILE *list, const char *path, bool ok, struct error *error)
{
    if (ok && (fflush(list) != 0 || ferror(list) != 0 || fsync(fileno(list)) != 0))
        ok = error_set_errno(error, errno, "cannot write %s", path);
    fclose(list);
    if (!ok)
        unlink(path);
    return ok;
}

/* Only the administrator can give files away. */
static bool check_rights(const struct survey *survey, struct error *error)
{
    return survey->count == 0 || geteuid() == 0 ||
           error_set(error, ERROR_PERMISSION,
                     "%s: only root can give what is there to another user",
                     survey->step->path);
}

static bool survey_tree(struct survey *survey, const struct adopt_plan *plan,
                        struct error *error)
{
    struct adopt_step *step = survey->step;
    bool lists = !plan->is_check, ok;

    if (lists) {
        step->list =
            adopt_record_list(plan->options->confdir, plan->steps->nelts, plan->pool);
        if (!open_list(&survey->list, step->list, error))
            return false;
    }
    ok = walk_tree(step->path, step->is_shallow, survey_entry, survey, plan->pool, error);
    return lists ? close_list(survey->list, step->list, ok, error) : ok;
}

bool adopt_owner_plan(struct adopt_plan *plan, struct adopt_step step,
                      struct error *error)
{
    struct survey survey = {.options = plan->options, .step = &step, .pool = plan->pool};
    struct stat status;

    step.kind = ADOPT_OWNER;
    step.uid_after = plan->owner.uid;
    /* A recorded one knows what was before; what is there now may be half-way. */
    if (!plan->is_check && adopt_find_step(plan, ADOPT_OWNER, step.path) != NULL)
        return true;
    if (stat(step.path, &status) != 0)
        return errno == ENOENT ||
               error_set_errno(error, errno, "cannot look at %s", step.path);
    if (!survey_tree(&survey, plan, error) ||
        (!plan->is_check && !check_rights(&survey, error)))
        return false;
    say_shares(plan, &survey);
    if (!plan->is_check && survey.count == 0)
        unlink(step.list);
    if (survey.count > 0)
        adopt_add_step(plan, step);
    return true;
}

struct change {
    struct tree_owner_change owner;
    const struct adopt_options *options;
};

static bool change_entry(void *baton, const struct walk_entry *entry, struct error *error)
{
    struct change *change = baton;

    return adopt_goes_on(change->options, error) &&
           tree_owner_change(&change->owner, entry, error);
}

static bool is_gone(const char *path)
{
    struct stat status;

    return stat(path, &status) != 0 && errno == ENOENT;
}

bool adopt_owner_apply(bool *kept, const struct adopt_step *step,
                       const struct adopt_options *options, apr_pool_t *pool,
                       struct error *error)
{
    struct change change = {{TREE_OWNER_ANYBODY, step->uid_after, NULL}, options};

    return is_gone(step->path) ||
           walk_tree(step->path, step->is_shallow, change_entry, &change, pool, error);
}

/* In place. */
static void unescape(char *path)
{
    char *to = path;

    for (; *path != '\0'; path++) {
        if (*path != '\\')
            *to++ = *path;
        else if (*++path == 'n')
            *to++ = '\n';
        else
            *to++ = *path;
    }
    *to = '\0';
}

static bool restore_line(const struct adopt_step *step, char *line,
                         const struct adopt_options *options, struct error *error)
{
    struct change change = {{TREE_OWNER_ANYBODY, 0, NULL}, options};
    char *end;

    line[strcspn(line, "\n")] = '\0';
    change.owner.to = (unsigned int)strtoul(line, &end, 10);
    if (end == line || *end != ' ')
        return error_set(error, ERROR_BAD_FORMAT, "%s: a line is no uid and path",
                         step->list);
    unescape(end + 1);
    return walk_one(step->path, end + 1, change_entry, &change, error);
}

/* What belonged to others than most. */
static bool restore_list(const struct adopt_step *step,
                         const struct adopt_options *options, struct error *error)
{
    FILE *list = *step->list != '\0' ? fopen(step->list, "re") : NULL;
    char *line = NULL;
    size_t size = 0;
    bool ok = true;

    if (*step->list == '\0')
        return true;
    if (list == NULL)
        return error_set_errno(error, errno, "cannot read %s", step->list);
    while (ok && getline(&line, &size, list) > 0)
        ok = restore_line(step, line, options, error);
    if (ok && ferror(list) != 0)
        ok = error_set_errno(error, errno, "cannot read %s", step->list);
    free(line);
    fclose(list);
    return ok;
}

bool adopt_owner_undo(bool *kept, const struct adopt_step *step,
                      const struct adopt_options *options, apr_pool_t *pool,
                      struct error *error)
{
    struct change change = {{step->uid_after, step->uid_before, NULL}, options};

    if (is_gone(step->path)) {
        *kept = true;
        adopt_say(options, pool, "%s is gone: nothing to give back", step->path);
        return true;
    }
    return walk_tree(step->path, step->is_shallow, change_entry, &change, pool, error) &&
           restore_list(step, options, error);
}
