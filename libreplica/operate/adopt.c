/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over the server of a reference installation in place, and giving it back. */
#include "libreplica/operate/adopt_internal.h"

#include <stdarg.h>
#include <string.h>
#include <apr_strings.h>

static const struct {
    adopt_action *apply;
    adopt_action *undo;
} actions[ADOPT_KIND_COUNT] = {
    [ADOPT_CRON] = {adopt_cron_apply, adopt_cron_undo},
    [ADOPT_RENAME] = {adopt_rename_apply, adopt_rename_undo},
    [ADOPT_OWNER] = {adopt_owner_apply, adopt_owner_undo},
    [ADOPT_LINE] = {adopt_line_apply, adopt_line_undo},
    [ADOPT_FOLDER] = {adopt_folder_apply, adopt_folder_undo},
    [ADOPT_FILE] = {adopt_file_apply, adopt_file_undo},
};

static void push_line(apr_array_header_t *lines, apr_pool_t *pool, const char *format,
                      va_list arguments)
{
    APR_ARRAY_PUSH(lines, const char *) = apr_pvsprintf(pool, format, arguments);
}

void adopt_change(struct adopt_plan *plan, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    push_line(plan->changes, plan->pool, format, arguments);
    va_end(arguments);
}

void adopt_note(struct adopt_plan *plan, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    push_line(plan->notes, plan->pool, format, arguments);
    va_end(arguments);
}

void adopt_refuse(struct adopt_plan *plan, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    push_line(plan->refusals, plan->pool, format, arguments);
    va_end(arguments);
}

void adopt_say(const struct adopt_options *options, apr_pool_t *pool, const char *format,
               ...)
{
    va_list arguments;

    va_start(arguments, format);
    options->say(options->baton, apr_pvsprintf(pool, format, arguments));
    va_end(arguments);
}

bool adopt_goes_on(const struct adopt_options *options, struct error *error)
{
    return options->stop == NULL || !*options->stop ||
           error_set(error, ERROR_CANCELLED,
                     "stopped half-way: run it again, or adopt --undo");
}

struct adopt_step *adopt_find_step(const struct adopt_plan *plan, enum adopt_kind kind,
                                   const char *path)
{
    for (int i = 0; i < plan->steps->nelts; i++) {
        struct adopt_step *step = &APR_ARRAY_IDX(plan->steps, i, struct adopt_step);

        if (step->kind == kind && strcmp(step->path, path) == 0)
            return step;
    }
    return NULL;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

void adopt_add_step(struct adopt_plan *plan, struct adopt_step step)
{
    if (adopt_find_step(plan, step.kind, step.path) != NULL)
        return;
    step.repository = text_or_empty(step.repository);
    step.before = text_or_empty(step.before);
    step.after = text_or_empty(step.after);
    step.list = text_or_empty(step.list);
    APR_ARRAY_PUSH(plan->steps, struct adopt_step) = step;
}

static void say_group(const struct adopt_plan *plan, const char *title,
                      const apr_array_header_t *lines)
{
    if (lines->nelts == 0)
        return;
    adopt_say(plan->options, plan->pool, "%s:", title);
    for (int i = 0; i < lines->nelts; i++)
        adopt_say(plan->options, plan->pool, "  %s",
                  APR_ARRAY_IDX(lines, i, const char *));
}

static bool make_plan(struct adopt_plan *plan, const struct adopt_options *options,
                      bool is_check, apr_pool_t *pool, struct error *error)
{
    apr_array_header_t **const lists[] = {&plan->changes, &plan->notes, &plan->refusals,
                                          &plan->left_out, &plan->directories};
    const char *user;
    bool found;

    *plan = (struct adopt_plan){.options = options, .pool = pool, .is_check = is_check};
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        *lists[i] = apr_array_make(pool, 16, sizeof(const char *));
    if (!owner_find(&plan->owner, options->user, pool, error))
        return error_prefix(error,
                            "replicas are to belong to the user of snapshotd, made "
                            "by systemd-sysusers, or named with -o");
    if (!adopt_record_read(&plan->steps, &user, &found, options->confdir, pool, error))
        return false;
    if (found && strcmp(user, options->user) != 0)
        return error_set(error, ERROR_EXISTS,
                         "this server was adopted for the user %s: take that back first "
                         "(adopt --undo)",
                         user);
    plan->recorded = plan->steps->nelts;
    return adopt_cron_plan(plan, error) && adopt_httpd_plan(plan, error) &&
           adopt_repositories_plan(plan, error) && adopt_places_plan(plan, error) &&
           adopt_unit_plan(plan, error) && adopt_server_notes(plan, error);
}

bool adopt_check(bool *clean, const struct adopt_options *options, apr_pool_t *pool,
                 struct error *error)
{
    struct adopt_plan plan;

    if (!make_plan(&plan, options, true, pool, error))
        return false;
    say_group(&plan, "Would change", plan.changes);
    say_group(&plan, "Look at this", plan.notes);
    say_group(&plan, "Cannot be adopted", plan.refusals);
    if (plan.changes->nelts == 0)
        adopt_say(options, pool, "There is nothing to change.");
    else
        adopt_say(options, pool,
                  "Nothing was changed yet. To change this run it without --check, as "
                  "root; adopt --undo takes it back.");
    *clean = plan.refusals->nelts == 0;
    return true;
}

static bool is_left_out(const struct adopt_plan *plan, const struct adopt_step *step)
{
    for (int i = 0; i < plan->left_out->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(plan->left_out, i, const char *), step->repository) == 0)
            return true;
    return false;
}

static bool apply_steps(bool *clean, const struct adopt_plan *plan, struct error *error)
{
    apr_pool_t *scratch;
    bool ok = true;

    apr_pool_create(&scratch, plan->pool);
    for (int i = 0; ok && i < plan->steps->nelts; i++) {
        const struct adopt_step *step = &APR_ARRAY_IDX(plan->steps, i, struct adopt_step);
        bool kept = false;

        apr_pool_clear(scratch);
        if (is_left_out(plan, step))
            continue;
        ok = adopt_goes_on(plan->options, error) &&
             actions[step->kind].apply(&kept, step, plan->options, scratch, error);
        *clean = *clean && !kept;
    }
    apr_pool_destroy(scratch);
    return ok;
}

static void say_rest(const struct adopt_options *options, apr_pool_t *pool, bool forth)
{
    adopt_say(options, pool, "Left to do by hand, in this order:");
    adopt_say(options, pool,
              forth
                  ? "  a2enconf replica, or see that there is conf.d/replica.conf; free "
                    "its port and Squid's"
                  : "  a2disconf replica, or move conf.d/replica.conf away");
    adopt_say(options, pool,
              "  check httpd's configuration (apachectl configtest) and reload httpd");
    adopt_say(options, pool, "  systemctl daemon-reload");
    adopt_say(options, pool,
              forth ? "  systemctl enable --now snapshotd"
                    : "  systemctl disable --now snapshotd, if that is not yet done");
    if (forth)
        adopt_say(options, pool,
                  "To get back: systemctl disable --now snapshotd, then replicactl adopt "
                  "--undo, which needs %s/adopted.json",
                  options->confdir);
}

bool adopt_apply(bool *clean, const struct adopt_options *options, apr_pool_t *pool,
                 struct error *error)
{
    struct adopt_plan plan;

    if (!adopt_lock_server(options->confdir, pool, error) ||
        !make_plan(&plan, options, false, pool, error))
        return false;
    *clean = plan.refusals->nelts == 0;
    say_group(&plan, "Changes", plan.changes);
    say_group(&plan, "Look at this", plan.notes);
    say_group(&plan, "Cannot be adopted", plan.refusals);
    if (plan.steps->nelts == 0) {
        adopt_say(options, pool, "There is nothing to change.");
        return true;
    }
    if (!adopt_record_write(&plan, error))
        return false;
    if (!apply_steps(clean, &plan, error)) {
        adopt_say(options, pool,
                  "Not finished: mend what is wrong and run this again, or "
                  "take back what was done: adopt --undo");
        return false;
    }
    say_rest(options, pool, true);
    return true;
}

/* Nothing of a repository changes hands while somebody works on it. */
static bool lock_repositories(const apr_array_header_t *steps,
                              const struct adopt_options *options, apr_pool_t *pool,
                              struct error *error)
{
    const char *last = "";
    bool busy;

    if (!adopt_lock_daemon(&busy, options, pool, error))
        return false;
    if (busy)
        return error_set(error, ERROR_BUSY,
                         "snapshotd is running: systemctl disable --now snapshotd first; "
                         "nothing was changed");
    for (int i = 0; i < steps->nelts; i++) {
        const char *name = APR_ARRAY_IDX(steps, i, struct adopt_step).repository;
        struct repository *repository;
        const char *problem;

        if (strcmp(name, last) == 0 ||
            !repository_read_leniently(&repository, &problem, options->confdir, name,
                                       options->server, pool, NULL))
            continue;
        last = name;
        if (!adopt_lock(&busy, repository->spool, false, pool, error))
            return false;
        if (busy)
            return error_set(error, ERROR_BUSY,
                             "%s: a snapshot or a garbage collection of it is running: "
                             "stop snapshotd first; nothing was changed",
                             name);
    }
    return true;
}

/* One step that cannot be taken back, perhaps by what a repository's user did, must not
 * keep the others, and the cron lines, from it. */
static bool undo_steps(bool *clean, const apr_array_header_t *steps,
                       const struct adopt_options *options, apr_pool_t *pool,
                       struct error *error)
{
    apr_pool_t *scratch;
    int failed = 0;

    apr_pool_create(&scratch, pool);
    for (int i = steps->nelts - 1; i >= 0 && adopt_goes_on(options, error); i--) {
        const struct adopt_step *step = &APR_ARRAY_IDX(steps, i, struct adopt_step);
        bool kept = false;

        apr_pool_clear(scratch);
        if (!actions[step->kind].undo(&kept, step, options, scratch, error)) {
            failed++;
            if (error->code != ERROR_CANCELLED)
                adopt_say(options, scratch, "not taken back: %s", error->message);
        }
        *clean = *clean && !kept;
    }
    apr_pool_destroy(scratch);
    return adopt_goes_on(options, error) &&
           (failed == 0 ||
            error_set(error, ERROR_UNSUPPORTED,
                      "%d steps could not be taken back: mend what is said above, then "
                      "run adopt --undo again",
                      failed));
}

bool adopt_undo(bool *clean, const struct adopt_options *options, apr_pool_t *pool,
                struct error *error)
{
    apr_array_header_t *steps;
    const char *user;
    bool found;

    *clean = true;
    if (!adopt_lock_server(options->confdir, pool, error) ||
        !adopt_record_read(&steps, &user, &found, options->confdir, pool, error))
        return false;
    if (!found)
        adopt_say(options, pool, "There is no adoption to take back.");
    if (!lock_repositories(steps, options, pool, error) ||
        !undo_steps(clean, steps, options, pool, error) ||
        !adopt_record_remove(options->confdir, pool, error))
        return false;
    if (found) {
        adopt_say(options, pool,
                  *clean
                      ? "All %d changes were taken back."
                      : "Of %d changes all were taken back but for what is said above.",
                  steps->nelts);
        say_rest(options, pool, false);
    }
    return true;
}
