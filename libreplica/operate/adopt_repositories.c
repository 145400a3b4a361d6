/* SPDX-License-Identifier: Apache-2.0 */
/* What an adoption changes for each repository, and in the server's own folders. */
#include "libreplica/operate/adopt_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/repository_paths.h"
#include "libreplica/store/file.h"

#define KEY "CVMFS_USER"

bool adopt_is_system_folder(const char *path)
{
    static const char *const system[] = {
        "/",          "/bin",     "/boot",  "/dev",       "/etc",     "/home",
        "/lib",       "/mnt",     "/media", "/opt",       "/proc",    "/root",
        "/run",       "/sbin",    "/srv",   "/sys",       "/tmp",     "/usr",
        "/usr/bin",   "/usr/lib", "/var",   "/var/cache", "/var/lib", "/var/log",
        "/var/spool", "/var/tmp"};
    char real[PATH_MAX];

    if (realpath(path, real) == NULL)
        return false;
    for (size_t i = 0; i < sizeof(system) / sizeof(*system); i++)
        if (strcmp(real, system[i]) == 0)
            return true;
    return false;
}

/* Whether LINE assigns KEY; as the reference's files have it. */
static bool assigns_user(struct text line)
{
    static const char prefix[] = "export ";

    while (line.length > 0 && (*line.bytes == ' ' || *line.bytes == '\t')) {
        line.bytes++;
        line.length--;
    }
    if (text_starts(line, prefix)) {
        line.bytes += strlen(prefix);
        line.length -= strlen(prefix);
    }
    return text_starts(line, KEY "=");
}

/* The last line of TEXT that assigns the user; "" if there is none. */
static const char *user_line(struct text text, apr_pool_t *pool)
{
    const char *found = "";

    while (text.length > 0) {
        const char *end = memchr(text.bytes, '\n', text.length);
        size_t length = end != NULL ? (size_t)(end - text.bytes) : text.length;

        if (assigns_user((struct text){text.bytes, length}))
            found = apr_pstrmemdup(pool, text.bytes, length);
        length += end != NULL;
        text.bytes += length;
        text.length -= length;
    }
    return found;
}

/* replica.conf is read after server.conf. */
static bool find_user_line(const char **path, const char **line,
                           const struct adopt_plan *plan, const char *local_name,
                           struct error *error)
{
    static const char *const files[] = {"/replica.conf", "/server.conf"};
    struct text text;

    for (size_t i = 0; i < 2; i++) {
        *path = apr_pstrcat(plan->pool, plan->options->confdir, "/repositories.d/",
                            local_name, files[i], NULL);
        if (!file_read(&text, *path, ADOPT_FILE_SIZE_MAX, plan->pool, error))
            return false;
        *line = user_line(text, plan->pool);
        if (**line != '\0')
            return true;
    }
    return true;
}

static bool plan_line(struct adopt_plan *plan, const struct repository *repository,
                      struct error *error)
{
    struct adopt_step step = {.kind = ADOPT_LINE, .repository = repository->local_name};
    struct stat status;

    if (strcmp(repository->user, plan->options->user) == 0)
        return true;
    if (!find_user_line(&step.path, &step.before, plan, repository->local_name, error))
        return false;
    if (lstat(step.path, &status) == 0 && !S_ISREG(status.st_mode))
        return error_set(error, ERROR_UNSUPPORTED,
                         "%s is a link: say " KEY "=%s where it leads to", step.path,
                         plan->options->user);
    step.after = apr_pstrcat(plan->pool, KEY "=", plan->options->user, NULL);
    adopt_change(plan, "%s: %s becomes %s", step.path,
                 *step.before != '\0' ? step.before : "no line about " KEY, step.after);
    adopt_add_step(plan, step);
    return true;
}

/* Who the repository belongs to before: its user, or, if there is none, who has its
 * storage. */
static bool find_owner(unsigned int *uid, const struct repository *repository,
                       apr_pool_t *pool, struct error *error)
{
    struct owner owner;
    struct stat status;

    if (*repository->user != '\0' && owner_find(&owner, repository->user, pool, NULL)) {
        *uid = owner.uid;
        return true;
    }
    if (stat(repository->storage, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", repository->storage);
    *uid = status.st_uid;
    return true;
}

static void add_directory(struct adopt_plan *plan, const char *path)
{
    APR_ARRAY_PUSH(plan->directories, const char *) = apr_pstrdup(plan->pool, path);
}

static bool is_below(const char *outer, const char *path)
{
    size_t length = strlen(outer);

    return strncmp(outer, path, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static bool plan_folder(struct adopt_plan *plan, const char *path, const char *local_name,
                        unsigned int uid, struct error *error)
{
    if (adopt_is_system_folder(path))
        return error_set(error, ERROR_USAGE,
                         "%s is not given to another user: it is the system's; mend the "
                         "configuration",
                         path);
    if (!adopt_owner_plan(plan,
                          (struct adopt_step){
                              .path = path, .repository = local_name, .uid_before = uid},
                          error))
        return false;
    /* Not before: what a stranger's link leads to is not for the unit to write. */
    add_directory(plan, path);
    return true;
}

/* A folder for temporary files that others use as well stays theirs. */
static bool plan_temporary(struct adopt_plan *plan, const struct repository *repository,
                           unsigned int uid, struct error *error)
{
    const char *path = repository->temporary;
    struct stat status;

    if (is_below(repository->storage, path) || is_below(repository->spool, path) ||
        stat(path, &status) != 0)
        return true;
    if ((status.st_mode & S_IWOTH) == 0 && !adopt_is_system_folder(path))
        return plan_folder(plan, path, repository->local_name, uid, error);
    add_directory(plan, path);
    adopt_note(plan, "%s: %s is for temporary files of everybody: its owner stays",
               repository->local_name, path);
    return true;
}

static bool plan_folders(struct adopt_plan *plan, const struct repository *repository,
                         struct error *error)
{
    const char *name = repository->local_name;
    bool busy;
    unsigned int uid = plan->owner.uid;

    if (!repository_paths_check(repository, plan->options->confdir,
                                plan->options->confdir, plan->options->server,
                                "is not given to another user", plan->pool, error) ||
        !adopt_lock(&busy, repository->spool, !plan->is_check, plan->pool, error))
        return false;
    if (busy) {
        /* Those of one that was adopted before must not be taken out of the unit. */
        add_directory(plan, repository->storage);
        add_directory(plan, repository->spool);
        return error_set(error, ERROR_BUSY,
                         "a snapshot or a garbage collection of it is running: stop it, "
                         "or try again later");
    }
    return find_owner(&uid, repository, plan->pool, error) &&
           plan_folder(plan, repository->storage, name, uid, error) &&
           plan_temporary(plan, repository, uid, error) &&
           plan_folder(plan, repository->spool, name, uid, error) &&
           plan_line(plan, repository, error);
}

/* All of a repository or nothing. */
static void plan_replica(struct adopt_plan *plan, const struct repository *repository)
{
    int steps = plan->steps->nelts, changes = plan->changes->nelts;
    struct error error;

    if (plan_folders(plan, repository, &error)) {
        adopt_repository_notes(plan, repository);
        return;
    }
    plan->steps->nelts = steps;
    plan->changes->nelts = changes;
    APR_ARRAY_PUSH(plan->left_out, const char *) = repository->local_name;
    adopt_refuse(plan, "%s: %s", repository->local_name, error.message);
}

static void plan_repository(struct adopt_plan *plan, const char *name)
{
    const struct adopt_options *options = plan->options;
    struct repository *repository;
    struct error error;

    if (!repository_read(&repository, options->confdir, name, options->server, plan->pool,
                         &error)) {
        APR_ARRAY_PUSH(plan->left_out, const char *) = name;
        adopt_refuse(plan, "%s: %s", name, error.message);
    } else if (repository->kind == REPOSITORY_STRATUM0)
        adopt_note(plan, "%s: a Stratum 0: it is not touched", name);
    else if (settings_boolean(repository->settings, SETTING_PASSTHROUGH))
        adopt_note(plan, "%s: a pass-through replica: there is nothing to adopt", name);
    else
        plan_replica(plan, repository);
}

static void note_left_out(struct adopt_plan *plan)
{
    bool any = false;

    for (int i = 0; i < plan->steps->nelts; i++)
        any |= APR_ARRAY_IDX(plan->steps, i, struct adopt_step).kind == ADOPT_CRON;
    if (any && plan->refusals->nelts > 0)
        adopt_note(plan, "cron no longer takes snapshots of what cannot be adopted, and "
                         "snapshotd does not either: go on with it by hand");
}

bool adopt_repositories_plan(struct adopt_plan *plan, struct error *error)
{
    apr_array_header_t *names;

    if (!repository_names(&names, plan->options->confdir, plan->pool, error))
        return false;
    for (int i = 0; i < names->nelts; i++) {
        plan_repository(plan, APR_ARRAY_IDX(names, i, const char *));
        /* To be stopped is not a repository's fault. */
        if (!adopt_goes_on(plan->options, error))
            return false;
    }
    note_left_out(plan);
    return true;
}

static bool plan_place(struct adopt_plan *plan, const char *path, bool is_shallow,
                       struct error *error)
{
    struct adopt_step step = {.path = path, .is_shallow = is_shallow};
    struct stat status;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return true;
    add_directory(plan, path);
    step.uid_before = status.st_uid;
    if (!adopt_is_system_folder(path))
        return adopt_owner_plan(plan, step, error);
    adopt_note(plan,
               "%s is the system's and stays so: the user %s must be able to write "
               "there",
               path, plan->options->user);
    return true;
}

bool adopt_places_plan(struct adopt_plan *plan, struct error *error)
{
    const struct settings *server = plan->options->server;
    const char *spool = settings_text(server, SETTING_SERVER_SPOOL_DIR);

    return plan_place(plan,
                      apr_pstrcat(plan->pool, settings_text(server, SETTING_STORAGE_DIR),
                                  "/info", NULL),
                      false, error) &&
           plan_place(plan, spool, true, error) &&
           plan_place(plan, apr_pstrcat(plan->pool, spool, "/httpd", NULL), true,
                      error) &&
           plan_place(plan, settings_text(server, SETTING_LOG_DIR), false, error) &&
           plan_place(plan, settings_text(server, SETTING_UPDATEGEO_DIR), false, error);
}

/* Replace the last line that is OLD; "" is no line, and one that is put in is the first.
 */
static struct text replaced(struct text text, const char *old, const char *new,
                            apr_pool_t *pool)
{
    const char *at = text.bytes, *end = text.bytes + text.length;
    const char *line = at;
    size_t length = strlen(old);

    if (*old == '\0')
        return text_of(apr_pstrcat(pool, new, "\n", text.bytes, NULL));
    for (; line != NULL; line = memchr(line, '\n', (size_t)(end - line))) {
        line += line != text.bytes; /* from the LF to what is behind it */
        if ((size_t)(end - line) >= length && memcmp(line, old, length) == 0 &&
            (line + length == end || line[length] == '\n'))
            at = line;
    }
    length += *new == '\0' && at + length < end;
    return text_of(
        apr_pstrcat(pool, apr_pstrmemdup(pool, text.bytes, (size_t)(at - text.bytes)),
                    new, at + length, NULL));
}

static bool change_line(bool *kept, const struct adopt_step *step, const char *from,
                        const char *to, const struct adopt_options *options,
                        apr_pool_t *pool, struct error *error)
{
    struct text text;
    const char *line;

    adopt_remove_temporary(step->path, pool);
    if (!file_read(&text, step->path, ADOPT_FILE_SIZE_MAX, pool, error)) {
        *kept = error->code == ERROR_NOT_FOUND;
        if (*kept)
            adopt_say(options, pool, "%s is gone", step->path);
        return *kept;
    }
    line = user_line(text, pool);
    if (strcmp(line, to) == 0)
        return true;
    if (strcmp(line, from) == 0)
        return adopt_replace(step->path, replaced(text, from, to, pool), pool, error);
    *kept = true;
    adopt_say(options, pool, "%s: '%s' was changed by hand and stays", step->path, line);
    return true;
}

bool adopt_line_apply(bool *kept, const struct adopt_step *step,
                      const struct adopt_options *options, apr_pool_t *pool,
                      struct error *error)
{
    /* The repository was removed since. */
    if (access(step->path, F_OK) != 0 && errno == ENOENT)
        return true;
    return change_line(kept, step, step->before, step->after, options, pool, error);
}

bool adopt_line_undo(bool *kept, const struct adopt_step *step,
                     const struct adopt_options *options, apr_pool_t *pool,
                     struct error *error)
{
    return change_line(kept, step, step->after, step->before, options, pool, error);
}
